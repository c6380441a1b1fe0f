# bash completion for dkms; made from the tables of its parser.

# The modules in the tree, as NAME/VERSION.
_dkms_modules() {
    local link
    for link in "${_dkms_tree%/}"/*/*/source; do
        [ -L "$link" ] || [ -d "$link" ] || continue
        link=${link%/source}
        printf '%s/%s\n' "$(basename "$(dirname "$link")")" "$(basename "$link")"
    done
}

# The sources that could be added, as NAME/VERSION.
_dkms_sources() {
    local conf dir name version
    for conf in "${_dkms_source_tree%/}"/*/dkms.conf; do
        [ -f "$conf" ] || continue
        dir=$(basename "$(dirname "$conf")")
        name=$(sed -n 's/^PACKAGE_NAME="\{0,1\}\([^"$]*\)"\{0,1\}$/\1/p' "$conf" | head -n 1)
        version=$(sed -n 's/^PACKAGE_VERSION="\{0,1\}\([^"$]*\)"\{0,1\}$/\1/p' "$conf" | head -n 1)
        if [ -n "$name" ] && [ "$dir" = "$name-$version" ]; then printf '%s/%s\n' "$name" "$version"; fi
    done
}

_dkms_kernels() {
    local dir
    for dir in "${_dkms_install_tree%/}"/*/; do
        [ -d "$dir" ] && basename "$dir"
    done
}

_dkms_versions() {
    local module
    for module in $(_dkms_modules); do
        [ -z "$1" ] || [ "${module%%/*}" = "$1" ] || continue
        printf '%s\n' "${module#*/}"
    done
}

_dkms() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev= word before action= module= index
    local _dkms_tree=/var/lib/dkms _dkms_source_tree=/usr/src _dkms_install_tree=/lib/modules
    [ "$COMP_CWORD" -gt 0 ] && prev=${COMP_WORDS[COMP_CWORD - 1]}
    # bash makes words of its own of --option=value.
    if [ "$cur" = = ]; then
        cur=
    elif [ "$prev" = = ] && [ "$COMP_CWORD" -gt 1 ]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((index = 1; index < ${#COMP_WORDS[@]}; index++)); do
        [ "$index" -ne "$COMP_CWORD" ] || continue
        word=${COMP_WORDS[index]}
        before=${COMP_WORDS[index - 1]}
        [ "$before" != = ] || [ "$index" -lt 2 ] || before=${COMP_WORDS[index - 2]}
        case $before in
            -m | --module) [ "$word" = = ] || module=${word%%/*} ;;
            --dkmstree) [ "$word" = = ] || _dkms_tree=$word ;;
            --sourcetree) [ "$word" = = ] || _dkms_source_tree=$word ;;
            --installtree) [ "$word" = = ] || _dkms_install_tree=$word ;;
        esac
        case $word in
            @ACTIONS@) [ -n "$action" ] || action=$word ;;
        esac
    done
    COMPREPLY=()
    case $prev in
@VALUES@
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W '@OPTIONS@' -- "$cur"))
        return
    fi
    case $action in
        '') COMPREPLY=($(compgen -W '@ACTION_WORDS@' -- "$cur")) ;;
        add) COMPREPLY=($(compgen -W "$(_dkms_sources)" -- "$cur") $(compgen -d -- "$cur")) ;;
        build | install) COMPREPLY=($(compgen -W "$(_dkms_modules)" -- "$cur") $(compgen -d -- "$cur")) ;;
        ldtarball) COMPREPLY=($(compgen -f -- "$cur")) ;;
        @NO_OPERANDS@) ;;
        *) COMPREPLY=($(compgen -W "$(_dkms_modules)" -- "$cur")) ;;
    esac
}

complete -F _dkms dkms
