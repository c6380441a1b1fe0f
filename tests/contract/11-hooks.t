== dkms_autoinstaller start K
$ module a 1.0; dkms add a/1.0 >/dev/null; /usr/lib/dkms/dkms_autoinstaller start $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed

== dkms_autoinstaller without headers
$ mkdir /lib/modules/9.9-none; /usr/lib/dkms/dkms_autoinstaller start 9.9-none 2>&1 | grep -c 'kernel headers'
1

== dkms_autoinstaller stop
$ /usr/lib/dkms/dkms_autoinstaller stop

== dkms_autoinstaller with something else
$ /usr/lib/dkms/dkms_autoinstaller frob >/dev/null
[2]

== common.postinst without a name
$ /usr/lib/dkms/common.postinst
[1]

== common.postinst registers and builds
$ module a 1.0; /usr/lib/dkms/common.postinst a 1.0 /usr/share/a-dkms "" "" >/dev/null 2>&1; dkms status
a/1.0, {K1}, x86_64: installed
a/1.0, {K2}, x86_64: installed
...

== common.postinst without sources
$ /usr/lib/dkms/common.postinst none 1.0 >/dev/null 2>&1
[2]

== common.postinst loads an archive
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; mkdir -p /usr/share/a-dkms; dkms mktarball a/1.0 -k $K1 --archive /usr/share/a-dkms/a-1.0.dkms.tar.gz >/dev/null; dkms remove a/1.0 --all >/dev/null; rm -r /usr/src/a-1.0
$ /usr/lib/dkms/common.postinst a 1.0 /usr/share/a-dkms "" "" >/dev/null 2>&1; dkms status | head -2
a/1.0, {K1}, x86_64: installed
a/1.0, {K2}, x86_64: installed

== common.postinst replaces what is registered
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; /usr/lib/dkms/common.postinst a 1.0 /usr/share/a-dkms "" 0.9 >/dev/null 2>&1; dkms status | head -2
a/1.0, {K1}, x86_64: installed
a/1.0, {K2}, x86_64: installed

== /etc/kernel/postinst.d ends well although a module fails
$ module a 1.0 'MAKE[0]=false'; dkms add a/1.0 >/dev/null; for hook in /etc/kernel/postinst.d/*evermod* /usr/share/kernel/postinst.d/*evermod*; do [ ! -x $hook ] || $hook $K1 /boot/vmlinuz-$K1 >/dev/null 2>&1 || echo $hook; done

== what a package's prerm runs
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; [ -z "$(dkms status -m a -v 1.0)" ] || dkms remove -m a -v 1.0 --all >/dev/null; dkms status | wc -l
0

== a file that says not to install anything, and the one that calls
$ dkms status --quiet | wc -l
0
