# What each case begins with: a layer of its own over everything that it may change, and a function that makes modules.
layers=$(mktemp -d /run/layers.XXXXXX)
mount -t tmpfs -o mode=755 tmpfs "$layers"
for place in /usr/src /var/lib /etc /usr/lib /usr/share /usr/sbin /srv /tmp /home; do
  mkdir -p "$layers/upper$place" "$layers/work$place"
  mount -t overlay overlay -o "lowerdir=$place,upperdir=$layers/upper$place,workdir=$layers/work$place" "$place"
done
chmod 1777 /tmp
A=x86_64
cd /tmp

# module NAME VERSION [LINE...]: sources of a module that takes no time to build, with these lines at the end of its
# dkms.conf. NAME-bad does not compile.
module() {
  local name=$1 version=$2 dir=/usr/src/$1-$2
  shift 2
  mkdir -p "$dir"
  cp /srv/modules/hello-1.0/hello.c "$dir/$name.c"
  cat >"$dir/dkms.conf" <<C
PACKAGE_NAME=$name
PACKAGE_VERSION=$version
BUILT_MODULE_NAME[0]=$name
DEST_MODULE_LOCATION[0]=/kernel/drivers/misc
MAKE[0]="cp /srv/ko/\$kernelver.ko $name.ko"
AUTOINSTALL=yes
C
  [ $# = 0 ] || printf '%s\n' "$@" >>"$dir/dkms.conf"
}

# The places of the module NAME for kernel K.
placed() { echo "/lib/modules/$2/updates/dkms/$1.ko"; }
# What is there, relative to the first argument, with kinds, modes and where links lead.
tree() { (cd "$1" && find . -mindepth 1 -printf '%P %y %m %l\n' | sort | sed 's/ *$//'); }
