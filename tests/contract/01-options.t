The contract of DKMS 3.4.3 as cases that run. One file for each of its tables.

    == TITLE            begins a case; all of its commands run in one bash, over a layer of its own
    $ COMMAND           what is run; `> ` goes on with it; prelude.sh has the functions
    [N]                 its exit code, where that is not 0
    ! TEXT              a line of its standard error
    any other line      its standard output, whole; not looked at where there is none

`...` alone stands for any lines, inside a line for any text. {K1} and {K2} are two kernels with headers, $K1 and $K2 in
commands; {RUNNING} is the running one.

== -m M -v V
$ module a 1.0; dkms add -m a -v 1.0 >/dev/null
$ dkms status
a/1.0: added

== -m M/V
$ module a 1.0; dkms add -m a/1.0 >/dev/null; dkms status
a/1.0: added

== --module M and --module=M/V
$ module a 1.0; dkms add --module a -v 1.0 >/dev/null; dkms status --module=a/1.0
a/1.0: added

== a value option matches by prefix
$ module a 1.0; dkms add --moduleABC=a/1.0 >/dev/null; dkms build a/1.0 --kernelverXYZ $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: built

== -k K
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: built

== -k K/A
$ module a 1.0; dkms build a/1.0 -k $K1/x86_64 >/dev/null; dkms status
a/1.0, {K1}, x86_64: built

== -k twice: both are attempted
$ module a 1.0; dkms build a/1.0 -k $K1 -k $K2 >/dev/null; dkms status
a/1.0, {K1}, x86_64: built
a/1.0, {K2}, x86_64: built

== -k twice: the exit status tells of a failure of the first
$ module a 1.0; dkms install a/1.0 -k 9.9-none -k $K1 >/dev/null
[21]
$ dkms status
a/1.0, {K1}, x86_64: installed

== -k=K is an unknown option
$ dkms build a/1.0 -k=$K1
[2]
! ...nknown option: -k={K1}

== -kK is an unknown option
$ dkms build a/1.0 -k$K1 >/dev/null
[2]

== clustered short options are unknown
$ dkms status -qV >/dev/null
[2]

== -k without a value
$ module a 1.0; dkms build a/1.0 -k
[16]

== -a A goes to all kernels
$ module a 1.0; dkms build a/1.0 -k $K1 -k $K2 -a x86_64 >/dev/null; dkms status -a x86_64
a/1.0, {K1}, x86_64: built
a/1.0, {K2}, x86_64: built

== --arch A
$ module a 1.0; dkms build a/1.0 -k $K1 --arch x86_64 >/dev/null; dkms status --arch=x86_64
a/1.0, {K1}, x86_64: built

== --archive is told from --arch
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms mktarball a/1.0 -k $K1 --archive=/tmp/x.tar.gz >/dev/null; ls /tmp/x.tar.gz
/tmp/x.tar.gz

== more -a than -k
$ dkms build a/1.0 -k $K1 -a x86_64 -a i686
[1]

== -c FILE for build
$ module a 1.0; sed 's/^AUTOINSTALL.*/DEST_MODULE_NAME[0]=other/' /usr/src/a-1.0/dkms.conf >/tmp/my.conf
$ dkms build a/1.0 -k $K1 -c /tmp/my.conf >/dev/null; ls /var/lib/dkms/a/1.0/$K1/$A/module
other.ko

== -c FILE that is not there
$ module a 1.0; dkms add a/1.0 >/dev/null; dkms build a/1.0 -k $K1 -c /tmp/none.conf
[4]

== -j N
$ module a 1.0 'MAKE[0]="make -C $kernel_source_dir M=$dkms_tree/a/1.0/build; true"'; dkms build a/1.0 -k $K1 -j 3 >/dev/null
[7]
$ grep -c -e '-j3' /var/lib/dkms/a/1.0/build/make.log
1

== -j without a number
$ dkms build a/1.0 -k $K1 -j many
[2]

== -q: nothing is said, success
$ module a 1.0; dkms -q install a/1.0 -k $K1 2>&1 | wc -c
0

== --quiet: nothing is said, failure
$ module a 1.0; dkms build a/1.0 -k 9.9-none --quiet 2>&1; echo $?
21

== -V
$ dkms -V
dkms-3.4.3

== --version wins over what follows
$ dkms --version --nonsense
dkms-3.4.3

== -h
$ dkms -h
Usage: ...
...

== --help
$ dkms --help | head -1
Usage: ...

== --all: all that is built
$ module a 1.0; dkms install a/1.0 -k $K1 -k $K2 >/dev/null; dkms uninstall a/1.0 --all >/dev/null; dkms status
a/1.0, {K1}, x86_64: built
a/1.0, {K2}, x86_64: built

== --all with -k
$ dkms remove a/1.0 --all -k $K1
[2]

== --all with -a
$ dkms remove a/1.0 --all -a x86_64
[3]

== --all is not for build
$ dkms build a/1.0 --all
[5]

== --all is not for add
$ dkms add a/1.0 --all
[5]

== --all is not for install
$ dkms install a/1.0 --all
[5]

== --all is not for autoinstall
$ dkms autoinstall --all
[5]

== --all is not for match
$ dkms match --templatekernel x --all
[5]

== --all is not for kernel_prerm
$ dkms kernel_prerm --all -k $K1 2>/dev/null
[2]

== --all is passed over by status
$ module a 1.0; dkms add a/1.0 >/dev/null; dkms status --all
a/1.0: added

== --force builds again
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; touch /tmp/before; dkms build a/1.0 -k $K1 --force >/dev/null
$ find /var/lib/dkms/a/1.0/$K1/$A/module -name a.ko -newer /tmp/before | wc -l
1

== --force installs again
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; rm $(placed a $K1); dkms install a/1.0 -k $K1 --force >/dev/null
$ ls $(placed a $K1) | wc -l
1

== --force installs although PRE_INSTALL fails
$ module a 1.0 'PRE_INSTALL=no.sh'; printf '#!/bin/sh\nexit 3\n' >/usr/src/a-1.0/no.sh; chmod +x /usr/src/a-1.0/no.sh
$ dkms install a/1.0 -k $K1 >/dev/null
[101]
$ dkms install a/1.0 -k $K1 --force >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed

== --force builds without BUILD_DEPENDS
$ module a 1.0 'BUILD_DEPENDS[0]=absent'; dkms build a/1.0 -k $K1 >/dev/null
[13]
$ dkms build a/1.0 -k $K1 --force >/dev/null

== --force-version-override
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; mkdir /lib/modules/$K1/extra; cp /var/lib/dkms/a/1.0/$K1/$A/module/a.ko /lib/modules/$K1/extra/a.ko
$ dkms install a/1.0 -k $K1 >/dev/null
[6]
$ dkms install a/1.0 -k $K1 --force-version-override >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed...

== --binaries-only with --source-only
$ dkms mktarball a/1.0 --binaries-only --source-only
[8]

== --config FILE
$ module a 1.0 'BUILD_EXCLUSIVE_CONFIG="CONFIG_OF_MINE"'; dkms build a/1.0 -k $K1 >/dev/null
[77]
$ echo CONFIG_OF_MINE=y >/tmp/config; dkms build a/1.0 -k $K1 --config /tmp/config >/dev/null

== --kernelsourcedir DIR
$ module a 1.0; cp -r --no-dereference /lib/modules/$K1/build /tmp/; mkdir -p /lib/modules/9.9.0-mine; cp /srv/ko/$K1.ko /srv/ko/9.9.0-mine.ko
$ dkms build a/1.0 -k 9.9.0-mine --kernelsourcedir /lib/modules/$K1/build >/dev/null; dkms status
a/1.0, 9.9.0-mine, x86_64: built

== --directive NAME=value
$ module a 1.0; dkms build a/1.0 -k $K1 --directive 'DEST_MODULE_NAME=other' >/dev/null; ls /var/lib/dkms/a/1.0/$K1/$A/module
other.ko

== --dkmstree DIR
$ module a 1.0; mkdir /tmp/tree; dkms add a/1.0 --dkmstree /tmp/tree >/dev/null; dkms status --dkmstree=/tmp/tree; dkms status
a/1.0: added
$ readlink /tmp/tree/a/1.0/source
/usr/src/a-1.0

== --sourcetree DIR
$ module a 1.0; mkdir /tmp/src; mv /usr/src/a-1.0 /tmp/src; dkms add a/1.0 --sourcetree /tmp/src >/dev/null; readlink /var/lib/dkms/a/1.0/source
/tmp/src/a-1.0

== --installtree DIR
$ module a 1.0; mkdir -p /tmp/tree/$K1; ln -s /lib/modules/$K1/build /tmp/tree/$K1/build; dkms install a/1.0 -k $K1 --installtree /tmp/tree >/dev/null
$ cd /tmp/tree/$K1; find . -name a.ko
./updates/dkms/a.ko

== --symlink-modules
$ module a 1.0; dkms install a/1.0 -k $K1 --symlink-modules >/dev/null; readlink $(placed a $K1)
/var/lib/dkms/a/1.0/{K1}/x86_64/module/a.ko
$ dkms status
a/1.0, {K1}, x86_64: installed
$ dkms uninstall a/1.0 -k $K1 >/dev/null; ls $(placed a $K1) 2>/dev/null | wc -l
0

== --no-depmod
$ module a 1.0; dkms install a/1.0 -k $K1 --no-depmod >/dev/null; grep -c '/a.ko' /lib/modules/$K1/modules.dep
0
[1]

== --modprobe-on-install is for the running kernel only
$ module a 1.0; printf '#!/bin/sh\ntouch /tmp/loaded\n' >/tmp/modprobe; dkms install a/1.0 -k $K1 --modprobe-on-install >/dev/null; ls /tmp/loaded 2>/dev/null | wc -l
0

== --rpm_safe_upgrade is accepted
$ module a 1.0; dkms add a/1.0 --rpm_safe_upgrade >/dev/null; dkms status
a/1.0: added

== --verbose
$ module a 1.0; dkms build a/1.0 -k $K1 --verbose >/dev/null; dkms status
a/1.0, {K1}, x86_64: built

== --debug
$ module a 1.0; dkms add a/1.0 --debug >/dev/null 2>&1; dkms status
a/1.0: added

== --no-initrd warns
$ dkms status --no-initrd
! Deprecated feature: --no-initrd

== --no-clean-kernel warns
$ dkms status --no-clean-kernel
! Deprecated feature: --no-clean-kernel

== --no-prepare-kernel warns
$ dkms status --no-prepare-kernel
! Deprecated feature: --no-prepare-kernel

== an unknown option prints the usage on standard output
$ dkms --frob
[2]
Usage: ...
...
! ...nknown option: --frob

== options of DKMS 2 are unknown
$ for o in --dkmsframework=x -d --distro --media -r --release --size --spec --legacy-postinst; do dkms status $o >/dev/null 2>&1; echo $?; done | sort -u
2
