#!/bin/bash
# Runs a command inside a Debian root, with every write going to an upper layer that is thrown away (or kept).
# usage: enter.sh [OPTION]... LAYERS [--] CMD [ARG]...
#   LAYERS             directories, topmost first, joined by ':'
#   --upper DIR        keep the writes in DIR/upper (DIR/work beside it); else they go to a tmpfs that vanishes
#   --size SIZE        of that tmpfs (default 6g)
#   --bind SRC:DST     bind mount; may be repeated
#   --archives         apt's downloads go to the cache itself (while roots are built); else they are read from it
#   --offline          no network
#   --hold             run no command: print the process id of a process inside, stay until stdin closes
# Needs root. The command gets its own mount and process namespaces: no mount and no daemon outlives it.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"
upper='' size=6g binds=() shared=0 hold=0 net=()
while [ $# -gt 0 ]; do
  case $1 in
    --upper) upper=$2; shift 2 ;;
    --size) size=$2; shift 2 ;;
    --bind) binds+=("$2"); shift 2 ;;
    --archives) shared=1; shift ;;
    --offline) net=(--net); shift ;;
    --hold) hold=1; shift ;;
    *) break ;;
  esac
done
layers=$1; shift
[ "${1:-}" != -- ] || shift
[ "$(id -u)" = 0 ] || die "only root can enter a root"
mkdir -p "$archives" "$cache/tmp"
point=$(mktemp -d "$cache/tmp/enter.XXXXXX")
trap 'rmdir "$point" 2>/dev/null || :' EXIT
export _layers=$layers _upper=$upper _size=$size _shared=$shared _hold=$hold _point=$point _archives=$archives
export _binds="${binds[*]:-}"

# shellcheck disable=SC2016
inside='
  # The number by which the world outside knows this process; the new /proc would say 1.
  read -r pid _ </proc/self/stat
  mount -t tmpfs -o size=$_size,mode=755 tmpfs "$_point"
  mkdir "$_point"/{u,w,r,au,aw}
  top=$_point/u work=$_point/w r=$_point/r
  if [ -n "$_upper" ]; then mkdir -p "$_upper/upper" "$_upper/work"; top=$_upper/upper work=$_upper/work; fi
  mount -t overlay overlay -o "lowerdir=$_layers,upperdir=$top,workdir=$work" "$r"
  mount -t proc proc "$r/proc"
  mount -t sysfs -o ro sysfs "$r/sys"
  mount -t tmpfs -o mode=755 tmpfs "$r/run"; mkdir -m 1777 "$r/run/lock"
  mount -t tmpfs -o mode=755 tmpfs "$r/dev"
  for node in null zero full random urandom tty; do : >"$r/dev/$node"; mount --bind "/dev/$node" "$r/dev/$node"; done
  mkdir -p "$r/dev/pts" "$r/dev/shm"
  mount -t devpts devpts "$r/dev/pts" -o newinstance,ptmxmode=0666,mode=620,gid=5
  mount -t tmpfs -o mode=1777 tmpfs "$r/dev/shm"
  ln -s pts/ptmx "$r/dev/ptmx"; ln -s /proc/self/fd "$r/dev/fd"
  for fd in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${fd%:*}" "$r/dev/${fd#*:}"; done
  mkdir -p "$r/var/cache/apt/archives"
  if [ "$_shared" = 1 ]; then
    mount --bind "$_archives" "$r/var/cache/apt/archives"
  else
    # Reads come from the cache, each root has its own lock and its own downloads.
    mount -t overlay overlay -o "lowerdir=$_archives,upperdir=$_point/au,workdir=$_point/aw" "$r/var/cache/apt/archives"
  fi
  for b in $_binds; do
    if [ -d "${b%%:*}" ]; then mkdir -p "$r${b#*:}"; else mkdir -p "$r$(dirname "${b#*:}")"; : >>"$r${b#*:}"; fi
    mount --bind "${b%%:*}" "$r${b#*:}"
  done
  cp /etc/resolv.conf "$r/run/resolv.conf" 2>/dev/null || :
  ln -sfn /run/resolv.conf "$r/etc/resolv.conf"
  # A pivoted root is a true mount point, as on a machine: bubblewrap and rpm want that.
  mkdir "$r/run/.outside"
  cd "$r"
  pivot_root . run/.outside
  cd /
  umount -l /run/.outside
  rmdir /run/.outside
  if [ "$_hold" = 1 ]; then
    echo "$pid"
    exec 1>&-
    while read -r _; do :; done
    exit 0
  fi
  exec /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
    LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
'
unshare --mount --pid --ipc "${net[@]}" --fork --kill-child --propagation private bash -euc "$inside" enter "$@"
