== 0: success
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null

== 0: already built
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms build a/1.0 -k $K1 | grep -c 'already built'
1

== 0: already installed
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; dkms install a/1.0 -k $K1 | grep -c 'already installed'
1

== 0: autoinstall with nothing to do is silent
$ dkms autoinstall -k $K1 2>&1 | wc -c
0

== 0: status of a broken module
$ module a 1.0; dkms add a/1.0 >/dev/null; rm -r /usr/src/a-1.0; dkms status
a/1.0: broken
! Error! a/1.0: ...

== 0: not installed, for uninstall
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms uninstall a/1.0 -k $K1
Module a/1.0 is not installed for kernel {K1} (x86_64). Skipping...
...

== 0: not built, for unbuild
$ module a 1.0; dkms add a/1.0 >/dev/null; dkms unbuild a/1.0 -k $K1
...
Module a/1.0 is not built for kernel {K1} (x86_64). Skipping...
...

== 1: not root, for install
$ module a 1.0; runuser -u somebody -- dkms install a/1.0 -k $K1
[1]
! ...root...

== 1: the tree is not writable
$ module a 1.0; runuser -u somebody -- dkms add a/1.0
[1]
! ...o write access to .../var/lib/dkms...

== 1: no version, for add
$ dkms add -m a
[1]

== 1: no module, for build
$ dkms build -k $K1
[1]

== 1: match without a template
$ dkms match -k $K1
[1]

== 1: counts of -k and -a
$ dkms build a/1 -k $K1 -a x86_64 -a y
[1]

== 2: an unknown option
$ dkms status --what >/dev/null
[2]

== 2: match with itself
$ dkms match --templatekernel $K1 -k $K1
[2]

== 2: no sources
$ dkms add none/1.0
[2]

== 2: no archive
$ dkms ldtarball --archive /tmp/none.tar.gz
[2]

== 2: no archive, as operand
$ dkms ldtarball /tmp/none.tar.gz
[2]
! ...none.tar.gz...

== 2: no archive named
$ dkms ldtarball
[2]
! ...needs an archive...

== 3: already added
$ module a 1.0; dkms add a/1.0 >/dev/null; dkms add a/1.0
[3]

== 3: not in the tree, for uninstall
$ dkms uninstall none/1.0 -k $K1
[3]

== 3: not in the tree, for unbuild
$ dkms unbuild none/1.0 -k $K1
[3]

== 3: not in the tree, for remove
$ dkms remove none/1.0 --all
[3]

== 3: an archive without a dkms.conf
$ cd /tmp; echo x >x; tar -czf x.tar.gz x; dkms ldtarball x.tar.gz
[3]

== 3: match of a module that is not there
$ dkms match --templatekernel $K1 -k $K2 -m none
[3]

== 4: two actions
$ dkms add remove
[4]

== 4: no dkms.conf
$ mkdir /usr/src/a-1.0; touch /usr/src/a-1.0/x; dkms add a/1.0
[4]

== 4: autoinstall for two kernels
$ dkms autoinstall -k $K1 -k $K2
[4]

== 4: kernel_postinst without a kernel
$ dkms kernel_postinst
[4]

== 4: kernel_prerm without a kernel
$ dkms kernel_prerm
[4]

== 4: kernel_preinst for two kernels
$ dkms kernel_preinst -k $K1 -k $K2
[4]

== 4: broken, for build
$ module a 1.0; dkms add a/1.0 >/dev/null; rm -r /usr/src/a-1.0; dkms build a/1.0 -k $K1
[4]

== 4: broken, for install
$ module a 1.0; dkms add a/1.0 >/dev/null; rm -r /usr/src/a-1.0; dkms install a/1.0 -k $K1
[4]

== 4: broken, for uninstall
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; rm -r /usr/src/a-1.0; dkms uninstall a/1.0 -k $K1
[4]

== 4: no os-release
$ rm /etc/os-release /usr/lib/os-release; dkms status
[4]

== 5: a patch that is not there
$ module a 1.0 'PATCH[0]=none.patch'; dkms build a/1.0 -k $K1 >/dev/null
[5]

== 5: a patch outside
$ module a 1.0 'PATCH[0]=../none.patch'; dkms build a/1.0 -k $K1 >/dev/null
[5]

== 6: a patch that does not apply
$ module a 1.0 'PATCH[0]=p'; mkdir /usr/src/a-1.0/patches; printf -- '--- a/a.c\n+++ b/a.c\n@@ -1,1 +1,1 @@\n-nothing of the kind\n+x\n' >/usr/src/a-1.0/patches/p; dkms build a/1.0 -k $K1 >/dev/null
[6]

== 6: no directory of the kernel
$ module a 1.0; mkdir /tmp/tree; dkms build a/1.0 -k $K1 >/dev/null; dkms install a/1.0 -k $K1 --installtree /tmp/tree >/dev/null
[6]

== 6: a built file is gone
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; rm /var/lib/dkms/a/1.0/$K1/$A/module/a.ko; dkms install a/1.0 -k $K1 >/dev/null
[6]
! ...a.ko...

== 6: the kernel has the same
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; mkdir -p /lib/modules/$K1/extra; cp /var/lib/dkms/a/1.0/$K1/$A/module/a.ko /lib/modules/$K1/extra/; dkms install a/1.0 -k $K1 >/dev/null
[6]

== 6: an archive of what is not built
$ module a 1.0; dkms add a/1.0 >/dev/null; dkms mktarball a/1.0 -k $K1
[6]

== 7: no module comes out
$ module a 1.0 'MAKE[0]=true'; dkms build a/1.0 -k $K1 >/dev/null
[7]

== 7: an archive with neither sources nor binaries
$ mkdir -p /tmp/t/dkms_main_tree/$K1/$A/module; cd /tmp/t; tar -czf /tmp/t.tar.gz dkms_main_tree; dkms ldtarball /tmp/t.tar.gz
[7]

== 8: an invalid dkms.conf
$ module a 1.0 'AUTOINSTALL=maybe'; dkms add a/1.0
[8]

== 8: sources with next to nothing in them
$ module a 1.0; rm /usr/src/a-1.0/a.c; dkms build a/1.0 -k $K1
[8]

== 8: an archive of what is added
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms mktarball a/1.0 -k $K1 --archive /tmp/a.tar.gz >/dev/null; dkms ldtarball /tmp/a.tar.gz
[8]

== 1: a directory without a dkms.conf
$ mkdir /tmp/d; dkms add /tmp/d
[1]

== 9: an archive that cannot be written
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms mktarball a/1.0 -k $K1 --archive /proc/none/a.tar.gz >/dev/null
[9]

== 10: make fails
$ module a 1.0 'MAKE[0]=false'; dkms build a/1.0 -k $K1 >/dev/null
[10]

== 11: autoinstall with a failure
$ module a 1.0 'MAKE[0]=false'; dkms add a/1.0 >/dev/null; dkms autoinstall -k $K1 >/dev/null
[11]

== 13: BUILD_DEPENDS
$ module a 1.0 'BUILD_DEPENDS[0]=b'; dkms build a/1.0 -k $K1 >/dev/null
[13]

== 16: an empty kernel
$ dkms build a/1.0 -k ''
[16]

== 16: an empty architecture
$ dkms build a/1.0 -k $K1 -a ''
[16]

== 21: no headers
$ module a 1.0; mkdir /lib/modules/9.9-none; dkms build a/1.0 -k 9.9-none
[21]

== 21: no headers, for autoinstall
$ module a 1.0; dkms add a/1.0 >/dev/null; mkdir /lib/modules/9.9-none; dkms autoinstall -k 9.9-none
[21]

== 77: not meant for the kernel
$ module a 1.0 'BUILD_EXCLUSIVE_KERNEL=^2'; dkms build a/1.0 -k $K1
[77]
! Warning: ...

== 101: PRE_INSTALL
$ module a 1.0 'PRE_INSTALL=no.sh'; printf '#!/bin/sh\nexit 3\n' >/usr/src/a-1.0/no.sh; chmod +x /usr/src/a-1.0/no.sh; dkms install a/1.0 -k $K1 >/dev/null
[101]

== PRE_BUILD's own status
$ module a 1.0 'PRE_BUILD=no.sh'; printf '#!/bin/sh\nexit 42\n' >/usr/src/a-1.0/no.sh; chmod +x /usr/src/a-1.0/no.sh; dkms build a/1.0 -k $K1 >/dev/null
[42]

== POST_BUILD's own status
$ module a 1.0 'POST_BUILD=no.sh'; printf '#!/bin/sh\nexit 43\n' >/usr/src/a-1.0/no.sh; chmod +x /usr/src/a-1.0/no.sh; dkms build a/1.0 -k $K1 >/dev/null
[43]

== POST_ADD's own status
$ module a 1.0 'POST_ADD=no.sh'; printf '#!/bin/sh\nexit 44\n' >/usr/src/a-1.0/no.sh; chmod +x /usr/src/a-1.0/no.sh; dkms add a/1.0 >/dev/null
[44]
$ dkms status
a/1.0: added

== POST_ADD's status is passed over where a module is added on the way to a build
$ module a 1.0 'POST_ADD=no.sh'; printf '#!/bin/sh\nexit 44\n' >/usr/src/a-1.0/no.sh; chmod +x /usr/src/a-1.0/no.sh; dkms install a/1.0 -k $K1 >/dev/null
! ...POST_ADD of a/1.0 failed with status 44...
$ dkms status
a/1.0, {K1}, x86_64: installed

== POST_INSTALL's status is passed over
$ module a 1.0 'POST_INSTALL=no.sh'; printf '#!/bin/sh\nexit 45\n' >/usr/src/a-1.0/no.sh; chmod +x /usr/src/a-1.0/no.sh; dkms install a/1.0 -k $K1 >/dev/null

== POST_REMOVE's status is passed over
$ module a 1.0 'POST_REMOVE=no.sh'; printf '#!/bin/sh\nexit 46\n' >/usr/src/a-1.0/no.sh; chmod +x /usr/src/a-1.0/no.sh; dkms install a/1.0 -k $K1 >/dev/null; dkms uninstall a/1.0 -k $K1 >/dev/null

== errors begin with a blank line and Error!
$ dkms add none/1.0 2>&1 >/dev/null | head -2
  
Error! ...
