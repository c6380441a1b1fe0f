== added: the link and an empty build directory
$ module a 1.0; dkms add a/1.0 >/dev/null; tree /var/lib/dkms/a
1.0 d 755
1.0/build d 755
1.0/source l 777 /usr/src/a-1.0

== built: module, log, no build directory
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; tree /var/lib/dkms/a/1.0 | grep -v .evermod.json
{K1} d 755
{K1}/x86_64 d 755
{K1}/x86_64/log d 755
{K1}/x86_64/log/make.log f 644
{K1}/x86_64/module d 755
{K1}/x86_64/module/a.ko f 644
source l 777 /usr/src/a-1.0

== the log names the module and the kernel
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; head -1 /var/lib/dkms/a/1.0/$K1/$A/log/make.log
...a/1.0 for kernel {K1} (x86_64)

== the log has each command with its exit code
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; grep -e '^# ' /var/lib/dkms/a/1.0/$K1/$A/log/make.log
...
# command: cp /srv/ko/{K1}.ko a.ko
...
# exit code: 0
# elapsed time: 00:00:0...
...

== installed: the link of the active version
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; readlink /var/lib/dkms/a/kernel-$K1-$A; stat -c %a $(placed a $K1)
1.0/{K1}/x86_64
644

== the installed file is the built one
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; cmp /var/lib/dkms/a/1.0/$K1/$A/module/a.ko $(placed a $K1)

== depmod has run
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; grep -c '^updates/dkms/a.ko' /lib/modules/$K1/modules.dep
1

== uninstalled: built again, no file, no empty directory
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; dkms uninstall a/1.0 -k $K1 >/dev/null; dkms status; ls -d /lib/modules/$K1/updates 2>/dev/null | wc -l
a/1.0, {K1}, x86_64: built
0

== uninstalled: another version is not made active
$ module a 1.0; module a 2.0; dkms install a/1.0 -k $K1 >/dev/null; dkms install a/2.0 -k $K1 >/dev/null; dkms uninstall a/2.0 -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: built
a/2.0, {K1}, x86_64: built

== unbuilt: still added
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; dkms unbuild a/1.0 -k $K1 >/dev/null; dkms status; ls /var/lib/dkms/a/1.0
a/1.0: added
source

== unbuilt for one kernel of two
$ module a 1.0; dkms install a/1.0 -k $K1 -k $K2 >/dev/null; dkms unbuild a/1.0 -k $K1 >/dev/null; dkms status
a/1.0, {K2}, x86_64: installed

== removed for one kernel of two: still there
$ module a 1.0; dkms install a/1.0 -k $K1 -k $K2 >/dev/null; dkms remove a/1.0 -k $K1 >/dev/null; dkms status
a/1.0, {K2}, x86_64: installed

== removed for the last kernel: forgotten
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; dkms remove a/1.0 -k $K1 >/dev/null; dkms status | wc -l; ls /var/lib/dkms/a 2>/dev/null | wc -l; ls -d /usr/src/a-1.0
0
0
/usr/src/a-1.0

== removed with --all
$ module a 1.0; dkms install a/1.0 -k $K1 -k $K2 >/dev/null; dkms remove a/1.0 --all >/dev/null; dkms status | wc -l; ls -d /var/lib/dkms/a 2>/dev/null | wc -l; find /lib/modules/ -name a.ko | wc -l
0
0
0

== removed with --all and nothing built
$ module a 1.0; dkms add a/1.0 >/dev/null; dkms remove a/1.0 --all
Deleting module a/1.0 completely from the DKMS tree.

== remove acts on the running kernel by default
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; dkms remove a/1.0 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed

== remove deletes leftovers
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; mkdir -p /var/lib/dkms/a/1.0/$K1/.tmp_x86_64_abc123/module /var/lib/dkms/a/1.0/9.9/empty; dkms remove a/1.0 --all >/dev/null; ls -d /var/lib/dkms/a 2>/dev/null | wc -l
0

== a failed build leaves its log and nothing built
$ module a 1.0 'MAKE[0]=false'; dkms build a/1.0 -k $K1 >/dev/null 2>&1; ls /var/lib/dkms/a/1.0/build/make.log; dkms status
/var/lib/dkms/a/1.0/build/make.log
a/1.0: added

== a failed build leaves what is built for other kernels
$ module a 1.0 'MAKE[0]="cp /srv/ko/$kernelver.ko a.ko && test $kernelver = '"$K1"'"'; dkms build a/1.0 -k $K1 >/dev/null; dkms build a/1.0 -k $K2 >/dev/null 2>&1; dkms status
a/1.0, {K1}, x86_64: built

== Module.symvers is kept
$ module a 1.0 'MAKE[0]="cp /srv/ko/$kernelver.ko a.ko; echo 0x0 a a EXPORT_SYMBOL >Module.symvers"'; dkms build a/1.0 -k $K1 >/dev/null; ls /var/lib/dkms/a/1.0/$K1/$A/module
Module.symvers
a.ko

== signed
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; tail -c 28 /var/lib/dkms/a/1.0/$K1/$A/module/a.ko | tr -d '\n'
~Module signature appended~

== the signing key and its certificate
$ stat -c '%n %a' /var/lib/dkms/mok.*
/var/lib/dkms/mok.key 600
/var/lib/dkms/mok.pub 644

== a missing link is made again by add
$ module a 1.0; dkms add a/1.0 >/dev/null; rm /var/lib/dkms/a/1.0/source; dkms add a/1.0 >/dev/null; readlink /var/lib/dkms/a/1.0/source
/usr/src/a-1.0

== install builds and adds
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed

== build adds
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; readlink /var/lib/dkms/a/1.0/source
/usr/src/a-1.0

== the tree on another file system, and a failure
$ mkdir /srv/tree; module a 1.0 'MAKE[0]=false'; dkms build a/1.0 -k $K1 --dkmstree /srv/tree >/dev/null
[10]
$ ls /srv/tree/a/1.0/build
a.c
dkms.conf
make.log

== the tree on a link
$ mkdir -p /srv/tree; rmdir /var/lib/dkms 2>/dev/null; mv /var/lib/dkms/mok.* /srv/tree; rmdir /var/lib/dkms; ln -s /srv/tree /var/lib/dkms; module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed

== a kernel whose name begins with a letter
$ module a 1.0; mkdir /lib/modules/foo-1; ln -s /lib/modules/$K1/build /lib/modules/foo-1/build; cp /srv/ko/$K1.ko /srv/ko/foo-1.ko; dkms build a/1.0 -k foo-1 >/dev/null; dkms status; dkms remove a/1.0 --all >/dev/null; dkms status | wc -l
a/1.0, foo-1, x86_64: built
0
