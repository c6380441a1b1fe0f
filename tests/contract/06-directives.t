== PACKAGE_NAME is required
$ module a 1.0; sed -i /PACKAGE_NAME/d /usr/src/a-1.0/dkms.conf; dkms add a/1.0
[8]
! ...PACKAGE_NAME...

== PACKAGE_VERSION is required
$ module a 1.0; sed -i /PACKAGE_VERSION/d /usr/src/a-1.0/dkms.conf; dkms add a/1.0
[8]
! ...PACKAGE_VERSION...

== BUILT_MODULE_NAME defaults to PACKAGE_NAME
$ module a 1.0; sed -i /BUILT_MODULE_NAME/d /usr/src/a-1.0/dkms.conf; dkms build a/1.0 -k $K1 >/dev/null; ls /var/lib/dkms/a/1.0/$K1/$A/module
a.ko

== BUILT_MODULE_NAME is needed for each of two
$ module a 1.0 'DEST_MODULE_LOCATION[1]=/kernel/x'; dkms add a/1.0
[8]
! ...BUILT_MODULE_NAME...#1...

== BUILT_MODULE_NAME must not end in .ko
$ module a 1.0 'BUILT_MODULE_NAME[0]=a.ko'; dkms add a/1.0
[8]

== BUILT_MODULE_NAME must not end in .o
$ module a 1.0 'BUILT_MODULE_NAME[0]=a.o'; dkms add a/1.0
[8]

== BUILT_MODULE_LOCATION
$ module a 1.0 'BUILT_MODULE_LOCATION[0]=sub/dir' 'MAKE[0]="mkdir -p sub/dir; cp /srv/ko/$kernelver.ko sub/dir/a.ko"'; dkms build a/1.0 -k $K1 >/dev/null

== DEST_MODULE_NAME
$ module a 1.0 'DEST_MODULE_NAME[0]=other'; dkms install a/1.0 -k $K1 >/dev/null; ls /lib/modules/$K1/updates/dkms
other.ko

== DEST_MODULE_NAME must not end in .ko
$ module a 1.0 'DEST_MODULE_NAME[0]=x.ko'; dkms add a/1.0
[8]

== DEST_MODULE_LOCATION is required
$ module a 1.0; sed -i /DEST_MODULE_LOCATION/d /usr/src/a-1.0/dkms.conf; dkms add a/1.0
[8]
! ...DEST_MODULE_LOCATION...

== DEST_MODULE_LOCATION begins with /kernel, /updates or /extra
$ module a 1.0 'DEST_MODULE_LOCATION[0]=/misc'; dkms add a/1.0
[8]

== DEST_MODULE_LOCATION /extramodules passes
$ module a 1.0 'DEST_MODULE_LOCATION[0]=/extramodules'; dkms add a/1.0 >/dev/null

== two modules of one name are refused
$ module a 1.0 'BUILT_MODULE_NAME[1]=a' 'DEST_MODULE_LOCATION[1]=/kernel/x'; dkms add a/1.0
[8]

== two modules
$ module a 1.0 'BUILT_MODULE_NAME[1]=b' 'DEST_MODULE_LOCATION[1]=/kernel/x' 'MAKE[0]="cp /srv/ko/$kernelver.ko a.ko; cp a.ko b.ko"'; dkms install a/1.0 -k $K1 >/dev/null; ls /lib/modules/$K1/updates/dkms
a.ko
b.ko

== no modules: a warning
$ mkdir /usr/src/z-1.0; printf 'PACKAGE_NAME=z\nPACKAGE_VERSION=1.0\n' >/usr/src/z-1.0/dkms.conf; touch /usr/src/z-1.0/x; dkms add z/1.0 >/dev/null
! dkms.conf: Warning! ...ero modules...

== STRIP: by default debug information goes
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; readelf -S /var/lib/dkms/a/1.0/$K1/$A/module/a.ko | grep -c debug_info
0
[1]

== STRIP=no
$ module a 1.0 'STRIP[0]=no' 'MAKE[0]="make -C $kernel_source_dir M=$dkms_tree/a/1.0/build CONFIG_DEBUG_INFO=y KCFLAGS=-g modules"'; printf 'obj-m := a.o\n' >/usr/src/a-1.0/Makefile; dkms build a/1.0 -k $K1 >/dev/null; readelf -S /var/lib/dkms/a/1.0/$K1/$A/module/a.ko | grep -c ' .debug_info'
1

== MAKE by default: kbuild
$ module a 1.0; sed -i /MAKE/d /usr/src/a-1.0/dkms.conf; printf 'obj-m := a.o\n' >/usr/src/a-1.0/Makefile; dkms build a/1.0 -k $K1 >/dev/null; modinfo -F vermagic /var/lib/dkms/a/1.0/$K1/$A/module/a.ko
{K1} ...

== MAKE that begins with make gets -j and KERNELRELEASE
$ module a 1.0 'MAKE[0]="make nothing"'; dkms build a/1.0 -k $K1 -j 2 >/dev/null 2>&1; grep '^# command' /var/lib/dkms/a/1.0/build/make.log
# command: make -j2 KERNELRELEASE={K1} nothing

== MAKE with make in quotes gets nothing
$ module a 1.0 "MAKE[0]=\"'make' nothing\""; dkms build a/1.0 -k $K1 >/dev/null 2>&1; grep '^# command' /var/lib/dkms/a/1.0/build/make.log
# command: 'make' nothing

== MAKE in the build directory
$ module a 1.0 'MAKE[0]="pwd >here; cp /srv/ko/$kernelver.ko a.ko; cat here; "'; dkms build a/1.0 -k $K1 >/dev/null; grep -c '^/var/lib/dkms/a/1.0/build$' /var/lib/dkms/a/1.0/$K1/$A/log/make.log
1

== MAKE_MATCH
$ module a 1.0 'MAKE[1]="cp /srv/ko/$kernelver.ko a.ko; echo matched"' "MAKE_MATCH[1]=^$K1"; dkms build a/1.0 -k $K1 -k $K2 >/dev/null; grep -l matched /var/lib/dkms/a/1.0/*/x86_64/log/make.log
/var/lib/dkms/a/1.0/{K1}/x86_64/log/make.log

== MAKE_MATCH: the last that matches
$ module a 1.0 'MAKE[1]="false"' 'MAKE_MATCH[1]=^6' 'MAKE[2]="cp /srv/ko/$kernelver.ko a.ko"' 'MAKE_MATCH[2]=amd64'; dkms build a/1.0 -k $K1 >/dev/null

== CLEAN is not run
$ module a 1.0 'CLEAN="touch /tmp/cleaned"'; dkms build a/1.0 -k $K1 >/dev/null 2>&1; ls /tmp/cleaned 2>/dev/null | wc -l
0

== CLEAN: a note
$ module a 1.0 'CLEAN="make clean"'; dkms add a/1.0 >/dev/null
! Deprecated feature: CLEAN...

== CLEAN=true: no note
$ module a 1.0 'CLEAN=true'; dkms add a/1.0 2>&1 | grep -c CLEAN
0
[1]

== REMAKE_INITRD: a note
$ module a 1.0 'REMAKE_INITRD=yes'; dkms add a/1.0 >/dev/null
! Deprecated feature: REMAKE_INITRD...

== MODULES_CONF: a note
$ module a 1.0 'MODULES_CONF[0]="alias x y"'; dkms add a/1.0 >/dev/null
! Deprecated feature: MODULES_CONF...

== PATCH
$ module a 1.0 'PATCH[0]=p'; mkdir /usr/src/a-1.0/patches; cd /usr/src/a-1.0; cp a.c b.c; echo '// patched' >>b.c; diff -u a.c b.c | sed '1s,.*,--- a/a.c,;2s,.*,+++ b/a.c,' >patches/p; rm b.c
$ sed -i 's/^MAKE.*/MAKE[0]="grep patched a.c \&\& cp \/srv\/ko\/$kernelver.ko a.ko"/' dkms.conf; dkms build a/1.0 -k $K1 >/dev/null; grep -c patched a.c
0
[1]

== PATCH_MATCH
$ module a 1.0 'PATCH[0]=none' 'PATCH_MATCH[0]=^9'; dkms build a/1.0 -k $K1 >/dev/null

== AUTOINSTALL=yes
$ module a 1.0; dkms add a/1.0 >/dev/null; dkms autoinstall -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed

== AUTOINSTALL=YES
$ module a 1.0 AUTOINSTALL=YES; dkms add a/1.0 >/dev/null; dkms autoinstall -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed

== AUTOINSTALL=no
$ module a 1.0 AUTOINSTALL=no; dkms add a/1.0 >/dev/null; dkms autoinstall -k $K1 >/dev/null; dkms status
a/1.0: added

== AUTOINSTALL not set
$ module a 1.0; sed -i /AUTOINSTALL/d /usr/src/a-1.0/dkms.conf; dkms add a/1.0 >/dev/null; dkms autoinstall -k $K1 >/dev/null; dkms status
a/1.0: added

== AUTOINSTALL with something else
$ module a 1.0 AUTOINSTALL=1; dkms add a/1.0
[8]
! ...AUTOINSTALL...'1'...

== BUILD_DEPENDS orders autoinstall
$ module a 1.0 'BUILD_DEPENDS[0]=b'; module b 1.0; dkms add a/1.0 >/dev/null; dkms add b/1.0 >/dev/null; dkms autoinstall -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed
b/1.0, {K1}, x86_64: installed

== BUILD_DEPENDS not registered is deferred
$ module a 1.0 'BUILD_DEPENDS[0]=b'; dkms add a/1.0 >/dev/null; dkms autoinstall -k $K1 | grep -c deferred
...
$ dkms status
a/1.0: added

== BUILD_DEPENDS that fails
$ module a 1.0 'BUILD_DEPENDS[0]=b'; module b 1.0 'MAKE[0]=false'; dkms add a/1.0 >/dev/null; dkms add b/1.0 >/dev/null; dkms autoinstall -k $K1 >/dev/null 2>&1
[11]

== BUILD_DEPENDS_REBUILD
$ module a 1.0 'BUILD_DEPENDS[0]=b' 'BUILD_DEPENDS_REBUILD=yes'; module b 1.0; module b 2.0; dkms install b/1.0 -k $K1 >/dev/null; dkms install a/1.0 -k $K1 >/dev/null; cat /var/lib/dkms/a/1.0/$K1/$A/.dep_b
1.0
$ dkms install b/2.0 -k $K1 >/dev/null; cat /var/lib/dkms/a/1.0/$K1/$A/.dep_b; dkms status -m a
2.0
a/1.0, {K1}, x86_64: installed

== BUILD_DEPENDS_REBUILD with something else
$ module a 1.0 'BUILD_DEPENDS_REBUILD=perhaps'; dkms add a/1.0
[8]

== BUILD_EXCLUSIVE_KERNEL
$ module a 1.0 'BUILD_EXCLUSIVE_KERNEL="^(5|6)\."'; dkms build a/1.0 -k $K1 >/dev/null

== BUILD_EXCLUSIVE_KERNEL_MIN
$ module a 1.0 'BUILD_EXCLUSIVE_KERNEL_MIN=6.2'; dkms build a/1.0 -k $K1 >/dev/null
[77]

== BUILD_EXCLUSIVE_KERNEL_MIN is inclusive
$ module a 1.0 'BUILD_EXCLUSIVE_KERNEL_MIN=6.1'; dkms build a/1.0 -k $K1 >/dev/null

== BUILD_EXCLUSIVE_KERNEL_MAX
$ module a 1.0 'BUILD_EXCLUSIVE_KERNEL_MAX=5.10'; dkms build a/1.0 -k $K1 >/dev/null
[77]

== BUILD_EXCLUSIVE_ARCH
$ module a 1.0 'BUILD_EXCLUSIVE_ARCH="arm64|i686"'; dkms build a/1.0 -k $K1 >/dev/null
[77]

== BUILD_EXCLUSIVE_CONFIG
$ module a 1.0 'BUILD_EXCLUSIVE_CONFIG="CONFIG_MODULES !CONFIG_NOTHING"'; dkms build a/1.0 -k $K1 >/dev/null

== BUILD_EXCLUSIVE_CONFIG with !
$ module a 1.0 'BUILD_EXCLUSIVE_CONFIG="!CONFIG_MODULES"'; dkms build a/1.0 -k $K1 >/dev/null
[77]

== BUILD_EXCLUSIVE for one module of two
$ module a 1.0 'BUILT_MODULE_NAME[1]=b' 'DEST_MODULE_LOCATION[1]=/kernel/x' 'BUILD_EXCLUSIVE_KERNEL[1]=^9'; dkms install a/1.0 -k $K1 >/dev/null; dkms status; ls /lib/modules/$K1/updates/dkms
a/1.0, {K1}, x86_64: installed
a.ko

== OBSOLETE_BY
$ module a 1.0 'OBSOLETE_BY=6.0'; dkms build a/1.0 -k $K1 >/dev/null
[77]

== OBSOLETE_BY: a note
$ module a 1.0 'OBSOLETE_BY=7.0'; dkms add a/1.0 >/dev/null
! Deprecated feature: OBSOLETE_BY...

== NO_WEAK_MODULES with something else
$ module a 1.0 'NO_WEAK_MODULES=perhaps'; dkms add a/1.0
[8]

== an unknown variable is nothing
$ module a 1.0 'SOMETHING_ELSE=x'; dkms add a/1.0 >/dev/null

== CR at the ends of lines
$ module a 1.0; sed -i 's/$/\r/' /usr/src/a-1.0/dkms.conf; dkms build a/1.0 -k $K1 >/dev/null

== a scalar is element 0
$ module a 1.0 'BUILT_MODULE_NAME=a' 'DEST_MODULE_NAME=other'; dkms build a/1.0 -k $K1 >/dev/null; ls /var/lib/dkms/a/1.0/$K1/$A/module
other.ko

== a shell script
$ module a 1.0 'if [ "$kernelver" ]; then DEST_MODULE_NAME[0]="k$(echo $arch)"; fi'; dkms build a/1.0 -k $K1 >/dev/null; ls /var/lib/dkms/a/1.0/$K1/$A/module
kx86_64.ko

== kernelver in a value
$ module a 1.0 'DEST_MODULE_NAME[0]="a_${kernelver//[^0-9]/}"'; dkms build a/1.0 -k $K1 >/dev/null; ls /var/lib/dkms/a/1.0/$K1/$A/module | sed 's/[0-9]*//g'
a_.ko

== /etc/dkms/M.conf
$ module a 1.0; echo 'DEST_MODULE_NAME[0]=other' >/etc/dkms/a.conf; dkms build a/1.0 -k $K1 >/dev/null; ls /var/lib/dkms/a/1.0/$K1/$A/module
other.ko

== /etc/dkms/M-V.conf wins over M.conf
$ module a 1.0; echo 'DEST_MODULE_NAME[0]=x' >/etc/dkms/a.conf; echo 'DEST_MODULE_NAME[0]=y' >/etc/dkms/a-1.0.conf; dkms build a/1.0 -k $K1 >/dev/null; ls /var/lib/dkms/a/1.0/$K1/$A/module
y.ko

== /etc/dkms/M-V-K.conf
$ module a 1.0; echo 'DEST_MODULE_NAME[0]=y' >/etc/dkms/a-1.0-$K1.conf; dkms build a/1.0 -k $K1 -k $K2 >/dev/null; ls /var/lib/dkms/a/1.0/*/$A/module | grep ko
y.ko
a.ko

== /etc/dkms/M-V-K-A.conf
$ module a 1.0; echo 'DEST_MODULE_NAME[0]=y' >/etc/dkms/a-1.0-$K1-x86_64.conf; dkms build a/1.0 -k $K1 >/dev/null; ls /var/lib/dkms/a/1.0/$K1/$A/module
y.ko

== /etc/dkms/M--K.conf
$ module a 1.0; echo 'DEST_MODULE_NAME[0]=y' >/etc/dkms/a--$K1.conf; dkms build a/1.0 -k $K1 >/dev/null; ls /var/lib/dkms/a/1.0/$K1/$A/module
y.ko

== /etc/dkms/M--K-A.conf
$ module a 1.0; echo 'DEST_MODULE_NAME[0]=y' >/etc/dkms/a--$K1-x86_64.conf; dkms build a/1.0 -k $K1 >/dev/null; ls /var/lib/dkms/a/1.0/$K1/$A/module
y.ko

== /etc/dkms/M/patches
$ module a 1.0 'PATCH[0]=p' 'MAKE[0]="grep patched a.c && cp /srv/ko/$kernelver.ko a.ko"'; mkdir -p /etc/dkms/a/patches; cd /usr/src/a-1.0; cp a.c b.c; echo '// patched' >>b.c; diff -u a.c b.c | sed '1s,.*,--- a/a.c,;2s,.*,+++ b/a.c,' >/etc/dkms/a/patches/p; rm b.c
$ dkms build a/1.0 -k $K1 >/dev/null
