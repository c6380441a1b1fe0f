# Shared by the scripts beside it: where the cache is, what this machine's apt is set to. Sourced, not run.
cache=${EVERMOD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/evermod-tests}
# Downloaded packages; every root's apt uses it, so that a second build asks the network for nothing it had.
archives=$cache/archives

say() { printf 'roots: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Lines "URI RELEASE" of the Debian archives that this machine's apt uses (third parties' are left out).
host_archives() {
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN) $(LABEL)' 'Created-By: Packages' |
    awk '$3 == "main" && ($4 == "Debian" || $4 == "Debian" $5) {print $1, $2}' | sort -u
}

# sources.list of suite $1, from the same mirrors.
# A mirror that serves the machine's own release serves the others' too, under the same place.
sources_for() {
  local suite=$1 uri release kind seen=
  while read -r uri release; do
    case $release in
      *-security | stable-security) kind=-security ;;
      *-updates | *-backports*) continue ;;
      *) kind= ;;
    esac
    case " $seen " in *" x$kind "*) continue ;; esac
    seen="$seen x$kind"
    echo "deb $uri $suite$kind main contrib non-free non-free-firmware"
    [ -n "$kind" ] || echo "deb $uri $suite-updates main contrib non-free non-free-firmware"
  done < <(host_archives)
}

# The parts of this machine's apt settings that decide whether a mirror is reached and believed.
apt_settings() {
  apt-config dump | grep -iE '^Acquire::((https?|ftp)::(proxy|[^:]*::proxy)|Check-(Valid-Until|Date)|Retries) ' || true
}
