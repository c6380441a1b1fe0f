#!/bin/bash
# Run inside a root: lays out the modules, directories and archives that the sequences of commands are about.
# Their sources compile in hundredths of a second: a C file whose .modinfo is all that kmod asks of a module. Only `real`
# goes through the kernel's own build. What a build or script can see is printed on lines that begin with ORACLE.
set -euo pipefail
src=/usr/src

# unit DIR NAME VERSION
unit() {
  cat >"$1/$2.c" <<C
#define INFO(tag, value) static const char info_##tag[] __attribute__((section(".modinfo"), used, aligned(1))) = #tag "=" value
INFO(name, "$2");
INFO(license, "GPL");
INFO(description, "$2 $3");
INFO(version, "$3");
INFO(srcversion, "ABCDEF${3//./}");
INFO(depends, "");
INFO(vermagic, RELEASE " SMP preempt mod_unload ");
int init_module(void) { return 0; }
C
}

# makefile DIR NAME...
makefile() {
  local dir=$1
  shift
  cat >"$dir/Makefile" <<M
all: seen $(printf '%s.ko ' "$@")
seen:
	@echo "ORACLE make KERNELRELEASE=\$(KERNELRELEASE) dir=\$(CURDIR) module=\$\$module version=\$\$module_version kernelver=\$\$kernelver arch=\$\$arch CC=\$\$CC KERNEL_CC=\$\$KERNEL_CC LD=\$\$LD KERNEL_LD=\$\$KERNEL_LD umask=\$\$(umask)"
%.ko: %.c
	gcc -c -g -O1 -fno-pic -DRELEASE='"\$(KERNELRELEASE)"' -o \$@ \$<
M
}

# module NAME VERSION: everything but AUTOINSTALL; further lines of the dkms.conf come from stdin.
module() {
  local dir=$src/$1-$2
  mkdir -p "$dir"
  unit "$dir" "$1" "$2"
  makefile "$dir" "$1"
  { printf 'PACKAGE_NAME=%s\nPACKAGE_VERSION=%s\nMAKE[0]=make\n' "$1" "$2"; cat; } >"$dir/dkms.conf"
}

usual='DEST_MODULE_LOCATION[0]=/updates'
auto="$usual
AUTOINSTALL=yes"

# teller DIR: a script that says what it sees and ends with the status that it is told.
teller() {
  cat >"$1/tell.sh" <<'S'
#!/bin/sh
echo "ORACLE $1 $2 dir=$(pwd) self=$0 module=$module version=$module_version kernelver=$kernelver arch=$arch CC=$CC umask=$(umask)"
echo "ORACLE-E $1" >&2
exit "${2:-0}"
S
  chmod 755 "$1/tell.sh"
}

module plain 1.0 <<<"$auto"
module plain 2.0 <<<"$auto"
module other 1.10 <<<"$auto"
module other 1.9 <<<"$auto"
module quiet 1.0 <<<"$usual"
module lender 1.0 <<<"$auto"
module borrower 1.0 <<<"$auto
BUILD_DEPENDS[0]=lender"
module needy 1.0 <<<"$auto
BUILD_DEPENDS[0]=ghost"
module excl 1.0 <<<"$auto
BUILD_EXCLUSIVE_KERNEL=\"^$(head -n 1 /etc/test-kernels | sed 's/[.+]/\\\\&/g')\$\""
module wrongarch 1.0 <<<"$auto
BUILD_EXCLUSIVE_ARCH=\"^(sparc64|s390x)\$\""
module wrongconfig 1.0 <<<"$auto
BUILD_EXCLUSIVE_CONFIG=\"CONFIG_NET !CONFIG_MODULES\""
module toonew 1.0 <<<"$auto
BUILD_EXCLUSIVE_KERNEL_MIN=99.0"
module invalid 1.0 <<<'AUTOINSTALL=yes'
module badauto 1.0 <<<"$usual
AUTOINSTALL=maybe"
module badsuffix 1.0 <<<"$auto
BUILT_MODULE_NAME[0]=badsuffix.ko"
module deprecated 1.0 <<<"$auto
CLEAN=\"make clean\"
REMAKE_INITRD=yes
MODULES_CONF[0]=x"
module unstripped 1.0 <<<"$auto
STRIP[0]=no"
module dummy 9.0 <<<"$auto"
module renamed 1.0 <<<"$auto
BUILT_MODULE_NAME[0]=renamed
DEST_MODULE_NAME[0]=new-name"
module elsewhere 1.0 <<<'DEST_MODULE_LOCATION[0]=/kernel/drivers/misc
AUTOINSTALL=YES'
module nodest 1.0 <<<'DEST_MODULE_LOCATION[0]=/somewhere
AUTOINSTALL=yes'

module same 1.0 <<<"$auto"
module same 2.0 <<<"$auto"
cp $src/same-1.0/same.c $src/same-2.0/same.c

module noproduct 1.0 <<<"$auto"
sed -i 's/ noproduct.ko//' $src/noproduct-1.0/Makefile
module broken 1.0 <<<"$auto"
echo '#error this is meant to fail' >>$src/broken-1.0/broken.c

module nomod 1.0 </dev/null
printf 'PACKAGE_NAME=nomod\nPACKAGE_VERSION=1.0\nMAKE[0]=true\nAUTOINSTALL=yes\n' >$src/nomod-1.0/dkms.conf
module noname 1.0 </dev/null
printf 'PACKAGE_VERSION=1.0\n%s\n' "$auto" >$src/noname-1.0/dkms.conf
mkdir $src/bare-1.0
printf 'PACKAGE_NAME=bare\nPACKAGE_VERSION=1.0\nDEST_MODULE_LOCATION[0]=/updates\n' >$src/bare-1.0/dkms.conf
mkdir $src/noconf-1.0
: >$src/noconf-1.0/Makefile

module twin 1.0 <<'C'
BUILT_MODULE_NAME[0]=twin
BUILT_MODULE_NAME[1]=second
BUILT_MODULE_LOCATION[1]=sub
DEST_MODULE_NAME[1]=twin-second
DEST_MODULE_LOCATION[0]=/updates
DEST_MODULE_LOCATION[1]=/extra
STRIP[1]=no
AUTOINSTALL=yes
C
mkdir $src/twin-1.0/sub
unit $src/twin-1.0/sub second 1.0
makefile $src/twin-1.0 twin sub/second

module quoted 1.0 <<<"$auto"
cat >>$src/quoted-1.0/dkms.conf <<'C'
MAKE[0]="'make' -f Makefile KERNELRELEASE=${kernelver}"
MAKE[1]="make KERNELRELEASE=second"
MAKE_MATCH[1]="^9\."
C

module patched 1.0 <<<"$auto
PATCH[0]=more.patch
PATCH[1]=never.patch
PATCH_MATCH[1]=^2\\\\.4"
mkdir $src/patched-1.0/patches
cat >$src/patched-1.0/patches/more.patch <<'P'
--- a/patched.c
+++ b/patched.c
@@ -2,3 +2,3 @@
 INFO(name, "patched");
-INFO(license, "GPL");
+INFO(license, "GPL v2");
 INFO(description, "patched 1.0");
P
module mispatch 1.0 <<<"$auto
PATCH[0]=wrong.patch"
mkdir $src/mispatch-1.0/patches
sed 's/patched/nothing/g' $src/patched-1.0/patches/more.patch >$src/mispatch-1.0/patches/wrong.patch
module nopatch 1.0 <<<"$auto
PATCH[0]=absent.patch"

module talk 1.0 <<<"$auto
PRE_BUILD=\"tell.sh PRE_BUILD 0\"
POST_BUILD=\"tell.sh POST_BUILD 0\"
PRE_INSTALL=\"tell.sh PRE_INSTALL 0\"
POST_INSTALL=\"tell.sh POST_INSTALL 0\"
POST_ADD=\"tell.sh POST_ADD 0\"
POST_REMOVE=\"tell.sh POST_REMOVE 0\""
teller $src/talk-1.0
for when in PRE_BUILD POST_BUILD PRE_INSTALL POST_INSTALL POST_ADD POST_REMOVE; do
  name=grump-$(echo $when | tr 'A-Z_' 'a-z-')
  module "$name" 1.0 <<<"$auto
$when=\"tell.sh $when 42\""
  teller "$src/$name-1.0"
done
module noscript 1.0 <<<"$auto
POST_INSTALL=\"absent.sh\"
PRE_INSTALL=\"dkms.conf\""

# The kernel's own build, for once.
module real 1.0 <<<"$auto
MAKE[0]='make -C \$kernel_source_dir M=\$dkms_tree/\$PACKAGE_NAME/\$PACKAGE_VERSION/build'"
cat >$src/real-1.0/Makefile <<'M'
obj-m := real.o
M
cat >$src/real-1.0/real.c <<'C'
#include <linux/module.h>
static int __init real_init(void) { return 0; }
module_init(real_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("real");
MODULE_VERSION("1.0");
C

# Where sources are that nobody has registered.
mkdir -p /opt/src
cp -a $src/plain-1.0 /opt/src/outside
sed -i 's/plain/outside/; s/1\.0/3.1/' /opt/src/outside/dkms.conf
mv /opt/src/outside/plain.c /opt/src/outside/outside.c
sed -i 's/plain/outside/g; s/1\.0/3.1/g' /opt/src/outside/outside.c /opt/src/outside/Makefile
cp -a $src/plain-1.0 /opt/src/plain-again
cp -a $src/invalid-1.0 /opt/src/bad
mkdir /opt/src/empty
echo text >/opt/src/text
cp -a /opt/src/outside /opt/src/packed-1.0
sed -i 's/outside/packed/; s/3\.1/1.0/' /opt/src/packed-1.0/dkms.conf
mv /opt/src/packed-1.0/outside.c /opt/src/packed-1.0/packed.c
sed -i 's/outside/packed/g; s/3\.1/1.0/g' /opt/src/packed-1.0/packed.c /opt/src/packed-1.0/Makefile
tar -C /opt/src -czf /opt/src/packed.tar.gz packed-1.0
tar -C /opt/src -czf /opt/src/useless.tar.gz text
cp $src/quiet-1.0/dkms.conf /opt/src/other-quiet.conf
echo 'DEST_MODULE_NAME[0]=loud' >>/opt/src/other-quiet.conf

# The kernel that runs outside is here one of the two under another name.
first=$(head -n 1 /etc/test-kernels)
cp -a "/lib/modules/$first" "/lib/modules/$(uname -r)"
depmod "$(uname -r)"
# A kernel without headers, and headers without a kernel.
mkdir -p /lib/modules/6.0.0-headless/kernel
depmod 6.0.0-headless
mkdir -p /lib/modules/6.0.1-bodiless
ln -s "$(readlink -f "/lib/modules/$first/build")" /lib/modules/6.0.1-bodiless/build

# One key for all, so that making keys is no part of every sequence.
mkdir -p /var/lib/dkms
openssl req -new -x509 -newkey rsa:2048 -nodes -sha256 -days 36500 -subj '/CN=oracle key' -outform DER \
  -keyout /var/lib/dkms/mok.key -out /var/lib/dkms/mok.pub 2>/dev/null
chmod 600 /var/lib/dkms/mok.key
chmod 644 /var/lib/dkms/mok.pub
