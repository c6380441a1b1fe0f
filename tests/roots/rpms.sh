# Real Debian kernels as rpms with the names, relations and scriptlets of Fedora's and SUSE's. Put before the recipes that ask
# for it. Each spec is written here; rpmbuild comes with rpm. Three repositories below /srv: fedora and suse have kernels, modules has
# the sources of modules.
top=/var/tmp/rpmbuild

rpm_start() {
  mkdir -p "$top" /srv/{fedora,suse,modules} /etc/yum.repos.d
  cat >/root/.rpmmacros <<S
%_topdir $top
%_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm
%_build_id_links none
%debug_package %{nil}
%__os_install_post %{nil}
%_binary_payload w3.zstdio
%_build_pkgcheck_set %{nil}
%_wrong_version_format_terminate_build 0
S
  repo=modules
  # What the packages of a distribution would bring: here Debian's have brought it.
  spec fakebase 1 1 noarch <<'S'
Provides: /bin/sh, /usr/bin/sh, /bin/bash, /usr/bin/bash, bash, coreutils, gcc, make, kmod, binutils, bubblewrap, patch
Provides: util-linux, util-linux-core, xz, zstd, findutils, openssl, elfutils-libelf-devel, diffutils, dracut, systemd
Provides: systemd-udev, glibc, libc.so.6, zypper, dnf, python3, python3-dnf, libdnf5-plugin-actions = 5.4.6, dnf5 = 5.4.6
%description
What the root's own distribution has.
%files
S
}

# spec NAME VERSION RELEASE ARCH: builds what standard input has behind the preamble.
spec() {
  { printf 'Name: %s\nVersion: %s\nRelease: %s\nSummary: %s\nLicense: GPL-2.0-only\nAutoReqProv: no\n' "$1" "$2" "$3" "$1"
    [ "$4" != noarch ] || echo 'BuildArch: noarch'
    cat; } >"$top/$1.spec"
  rpmbuild --quiet --define "_rpmdir /srv/$repo" --target "$4" -bb "$top/$1.spec"
}

# unpack_kernel DEBIAN_RELEASE NEW_RELEASE: the packages of a Debian kernel below $top/NEW_RELEASE, renamed.
# image: vmlinuz and lib/modules; headers, common, kbuild: as they were
unpack_kernel() {
  local old=$1 new=$2 dir=$top/$2 image= common deb
  common=$(echo "$old" | sed -E 's/(-rt|-cloud)?-amd64$//')
  mkdir -p "$dir/debs" "$dir/image" "$dir/devel"
  for deb in image base binary modules; do
    if apt-cache show "linux-$deb-$old" >/dev/null 2>&1; then image="$image linux-$deb-$old"; fi
  done
  (cd "$dir/debs" && apt-get -q -o APT::Sandbox::User=root download $image "linux-headers-$old" \
    "linux-headers-$common-common" "linux-kbuild-$common")
  for deb in "$dir"/debs/linux-{headers,kbuild}-*.deb; do dpkg-deb -x "$deb" "$dir/devel"; done
  # Few drivers: what they do is not asked here, that there are some is.
  for deb in "$dir"/debs/linux-{image,base,binary,modules}-*.deb; do
    [ -f "$deb" ] || continue
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$dir/image" --no-same-owner --wildcards --wildcards-match-slash --ignore-failed-read \
      '*/vmlinuz*' '*/modules/*/config' '*/boot/config-*' '*/modules.builtin*' '*/modules.order' '*/drivers/net/dummy.ko*' '*/drivers/block/loop.ko*' 2>/dev/null || :
  done
  mkdir -p "$dir/kernel"
  mv "$dir/image/usr/lib/modules/$old" "$dir/kernel/modules"
  mv "$(find "$dir/image" -name 'vmlinuz*' -type f | head -n 1)" "$dir/kernel/vmlinuz" 2>/dev/null || mv "$dir"/kernel/modules/vmlinuz* "$dir/kernel/vmlinuz"
  mv "$(find "$dir/image" "$dir/kernel" -path '*/boot/config-*' -o -path '*/modules/config' | head -n 1)" "$dir/kernel/config"
  rm -f "$dir"/kernel/modules/{vmlinuz,config}*
  mv "$dir/devel/usr/src/linux-headers-$common-common" "$dir/common"
  mv "$dir/devel/usr/src/linux-headers-$old" "$dir/headers"
  mv "$dir/devel/usr/lib/linux-kbuild-$common" "$dir/kbuild"
  find "$dir/common/arch" -mindepth 1 -maxdepth 1 -type d ! -name x86 -exec rm -r {} +
  rm -rf "$dir/common/scripts" "$dir/common/tools" "$dir/headers/scripts" "$dir/headers/tools" "$dir/headers/vmlinux" \
    "$dir/headers/.kernelvariables" "$dir/debs" "$dir/devel" "$dir/image"
  sed -i "s/$(printf %s "$old" | sed 's/[.]/\\&/g')/$new/g" "$dir/headers/include/config/kernel.release" \
    "$dir/headers/include/generated/utsrelease.h" "$dir/headers/include/config/auto.conf"
}

# fedora_kernel VERSION RELEASE: kernel, -core, -modules-core, -devel, -devel-matched of $top/VERSION-RELEASE.x86_64.
# $libmodules: /lib/modules or /usr/lib/modules, as the packages name it.
fedora_kernel() {
  local k=$1-$2.x86_64 dir=$top/$1-$2.x86_64 m=$libmodules/$1-$2.x86_64
  repo=fedora
  spec kernel "$1" "$2" x86_64 <<S
Provides: installonlypkg(kernel)
Requires: kernel-core-uname-r = $k, kernel-modules-core-uname-r = $k
%description
A kernel.
%package core
Summary: the kernel itself
AutoReqProv: no
Provides: kernel-core-uname-r = $k, kernel-uname-r = $k, installonlypkg(kernel)
Requires: kernel-modules-core-uname-r = $k
Requires(preun): /bin/sh
%description core
The kernel itself.
%package modules-core
Summary: its modules
AutoReqProv: no
Provides: kernel-modules-core-uname-r = $k, installonlypkg(kernel-module)
Requires: kernel-uname-r = $k
%description modules-core
Its modules.
%package devel
Summary: what modules are built with
AutoReqProv: no
Provides: kernel-devel-uname-r = $k, installonlypkg(kernel)
%description devel
What modules are built with.
%package devel-matched
Summary: a kernel with what modules are built with
AutoReqProv: no
Requires: kernel-devel = $1-$2, kernel-core = $1-$2
%description devel-matched
A kernel with what modules are built with.
%install
d=%{buildroot}/usr/src/kernels/$k
mkdir -p %{buildroot}$libmodules \$d
cp -a $dir/kernel/modules %{buildroot}$m
cp $dir/kernel/vmlinuz $dir/kernel/config %{buildroot}$m/
ln -s /usr/src/kernels/$k %{buildroot}$m/build
ln -s build %{buildroot}$m/source
cp -a $dir/common/. \$d/
mv \$d/Makefile \$d/Makefile.common
cp -a $dir/headers/. \$d/
mv \$d/Makefile.common \$d/Makefile
cp -a $dir/kbuild/scripts $dir/kbuild/tools \$d/
cd %{buildroot}
find .$m -mindepth 1 -type d -printf '%%%%dir %%P\n' | sed 's,dir ,dir $m/,' >%{_topdir}/modules.list
find .$m -mindepth 1 ! -type d ! -name vmlinuz ! -name config -printf '$m/%%P\n' >>%{_topdir}/modules.list
%files
%files core
$m/vmlinuz
$m/config
%files modules-core -f %{_topdir}/modules.list
%dir $m
%files devel
/usr/src/kernels/$k
%files devel-matched
%posttrans core
kernel-install add $k $m/vmlinuz || exit \$?
%preun core
kernel-install remove $k || exit \$?
%posttrans modules-core
depmod -a $k
S
}

# suse_kernel VERSION RELEASE: kernel-default, kernel-default-devel, kernel-devel, of the same files: sources and objects apart.
# Nothing runs depmod or dracut but the scriptlet of the image's package, as the macros of suse-module-tools do.
suse_kernel() {
  local from=$top/$1-$2.x86_64 rel=${2%%.*} k
  k=$1-$rel-default
  repo=suse
  spec kernel-default "$1" "$2" x86_64 <<S
Provides: multiversion(kernel), kernel = $1-$2, kernel-uname-r = $k
%description
A kernel.
%package devel
Summary: what modules are built with
AutoReqProv: no
Provides: multiversion(kernel)
Requires: kernel-devel = $1-$2
%description devel
What modules are built with.
%package -n kernel-devel
Summary: the part of it that all flavours share
AutoReqProv: no
BuildArch: noarch
Provides: multiversion(kernel)
%description -n kernel-devel
The part of it that all flavours share.
%install
mkdir -p %{buildroot}/usr/lib/modules %{buildroot}/usr/src/linux-$1-$rel-obj/x86_64 
cp -a $from/kernel/modules %{buildroot}/usr/lib/modules/$k
cp $from/kernel/vmlinuz $from/kernel/config %{buildroot}/usr/lib/modules/$k/
cp -a $from/common %{buildroot}/usr/src/linux-$1-$rel
cp -a $from/kbuild/scripts $from/kbuild/tools %{buildroot}/usr/src/linux-$1-$rel/
find %{buildroot}/usr/src/linux-$1-$rel -type f -exec sh -c 'head -c 4 "\$1" | grep -q ELF && rm "\$1"' - {} \\;
o=%{buildroot}/usr/src/linux-$1-$rel-obj/x86_64/default
cp -a $from/headers \$o
cp -a $from/kbuild/scripts $from/kbuild/tools \$o/
echo 'include /usr/src/linux-$1-$rel/Makefile' >\$o/Makefile
sed -i 's/$1-$2.x86_64/$k/g' \$o/include/config/kernel.release \$o/include/generated/utsrelease.h \$o/include/config/auto.conf
ln -s /usr/src/linux-$1-$rel-obj/x86_64/default %{buildroot}/usr/lib/modules/$k/build
ln -s /usr/src/linux-$1-$rel %{buildroot}/usr/lib/modules/$k/source
%files
%dir /usr/lib/modules/$k
/usr/lib/modules/$k/kernel
/usr/lib/modules/$k/modules.*
/usr/lib/modules/$k/vmlinuz
/usr/lib/modules/$k/config
%files devel
/usr/src/linux-$1-$rel-obj
/usr/lib/modules/$k/build
/usr/lib/modules/$k/source
%files -n kernel-devel
/usr/src/linux-$1-$rel
%post
depmod -a $k
%posttrans
dracut --force --kver $k /boot/initrd-$k
%postun
rm -f /boot/initrd-$k
S
}

# module_package NAME VERSION STYLE: NAME-dkms with the sources in $top/src/NAME-VERSION. STYLE: where its scriptlets call dkms.
module_package() {
  local install
  case $3 in
    post) install="%post
dkms add -m $1 -v $2 -q --rpm_safe_upgrade || :
dkms build -m $1 -v $2 -q || :
dkms install -m $1 -v $2 -q --force || :" ;;
    posttrans) install="%posttrans
dkms add -m $1 -v $2 --rpm_safe_upgrade || :
dkms install -m $1 -v $2 || :" ;;
    add) install="%post
dkms add -m $1 -v $2 -q --rpm_safe_upgrade || :" ;;
  esac
  spec "$1-dkms" "$2" 1 noarch <<S
Requires: dkms
Requires: (kernel-devel-matched if kernel-core)
%description
The sources of a module.
%install
mkdir -p %{buildroot}/usr/src
cp -a $top/src/$1-$2 %{buildroot}/usr/src/
%files
/usr/src/$1-$2
$install
%preun
dkms remove -m $1 -v $2 -q --all --rpm_safe_upgrade || :
S
}

# tiny_module NAME VERSION [LINE]: the sources of a module that does nothing; LINE goes to the top of its file.
tiny_module() {
  local dir=$top/src/$1-$2
  mkdir -p "$dir"
  printf 'PACKAGE_NAME=%s\nPACKAGE_VERSION=%s\nBUILT_MODULE_NAME[0]=%s\nDEST_MODULE_LOCATION[0]=/extra\nAUTOINSTALL=yes\n' "$1" "$2" "$1" >"$dir/dkms.conf"
  echo "obj-m := $1.o" >"$dir/Makefile"
  { echo '#include <linux/module.h>'
    echo "${3:-}"
    echo 'static int __init begin(void) { return 0; }'
    echo 'static void __exit end(void) {}'
    echo 'module_init(begin); module_exit(end);'
    echo "MODULE_LICENSE(\"GPL\"); MODULE_VERSION(\"$2\");"
  } >"$dir/$1.c"
}

# debian_module PACKAGE: the sources of a Debian NAME-dkms package; prints NAME VERSION
debian_module() {
  local dir conf
  dir=$(mktemp -d "$top/deb.XXXXXX")
  mkdir -p "$top/src"
  (cd "$dir" && apt-get -q -o APT::Sandbox::User=root download "$1" >&2 && dpkg-deb -x ./*.deb .)
  conf=$(echo "$dir"/usr/src/*/dkms.conf)
  cp -a "${conf%/dkms.conf}" "$top/src/"
  basename "${conf%/dkms.conf}" | sed -E 's/^(.*)-([^-]+)$/\1 \2/'
}

# The modules of every root of rpms.
module_packages() {
  local acpi
  repo=modules
  acpi=$(debian_module acpi-call-dkms)
  module_package $acpi posttrans
  tiny_module hello 1.0
  tiny_module hello 2.0
  tiny_module broken 1.0 'int begin_at(void) { return removed_from_the_kernel(1); }'
  module_package hello 1.0 post
  module_package hello 2.0 post
  module_package broken 1.0 add
}

# The repository's index, what the managers must know of it, an initrd generator that is quick and takes our modules.
rpm_end() {
  local list
  for repo in fedora suse modules; do
    createrepo_c -q "/srv/$repo"
    list=/etc/yum.repos.d
    [ $repo != suse ] || list=/etc/zypp/repos.d
    mkdir -p "$list" /etc/zypp/repos.d
    printf '[%s]\nname=%s\nbaseurl=file:///srv/%s\nenabled=1\ngpgcheck=0\n' $repo $repo $repo >"$list/$repo.repo"
  done
  mkdir -p /etc/dnf/vars /etc/dracut.conf.d
  cp /etc/yum.repos.d/modules.repo /etc/zypp/repos.d/
  echo 99 >/etc/dnf/vars/releasever
  cat >/etc/dracut.conf.d/test.conf <<'S'
hostonly="no"
dracutmodules="base"
drivers="acpi_call hello"
add_drivers+=" acpi_call hello "
compress="cat"
early_microcode="no"
S
  echo 0123456789abcdef0123456789abcdef >/etc/machine-id
  # Debian has brought all of it, but it is a system of rpms.
  rm /etc/os-release
  printf 'NAME="Fedora Linux"\nID=fedora\nVERSION_ID=99\n' >/etc/os-release
  rpm --initdb
  rpm -i /srv/modules/fakebase-1-1.noarch.rpm
  rm -rf "$top" /root/.rpmmacros
}
