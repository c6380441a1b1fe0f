# fish completion for dkms; made from the tables of its parser.

function __dkms_modules
    for link in /var/lib/dkms/*/*/source
        string replace -r '^/var/lib/dkms/(.*)/source$' '$1' -- $link
    end
end

function __dkms_versions
    __dkms_modules | string replace -r '^[^/]*/' ''
end

function __dkms_kernels
    for dir in /lib/modules/*/
        string replace -r '^/lib/modules/(.*)/$' '$1' -- $dir
    end
end

set -l actions @ACTION_NAMES@
complete -c dkms -f
@ACTIONS@
complete -c dkms -n "__fish_seen_subcommand_from @WITH_MODULE@" -a '(__dkms_modules)' -d module
complete -c dkms -n '__fish_seen_subcommand_from add build install' -a '(__fish_complete_directories)'
complete -c dkms -n '__fish_seen_subcommand_from ldtarball' -F
@OPTIONS@
