== source_tree
$ mkdir /tmp/src; module a 1.0; mv /usr/src/a-1.0 /tmp/src; echo 'source_tree="/tmp/src"' >/etc/dkms/framework.conf; dkms add a/1.0 >/dev/null; readlink /var/lib/dkms/a/1.0/source
/tmp/src/a-1.0

== dkms_tree
$ mkdir /tmp/tree; module a 1.0; echo 'dkms_tree="/tmp/tree"' >/etc/dkms/framework.conf; dkms add a/1.0 >/dev/null; ls /tmp/tree
a

== install_tree
$ module a 1.0; mkdir -p /tmp/tree/$K1; ln -s /lib/modules/$K1/build /tmp/tree/$K1/build; echo 'install_tree=/tmp/tree' >/etc/dkms/framework.conf; dkms install a/1.0 -k $K1 >/dev/null; find /tmp/tree -name a.ko
/tmp/tree/{K1}/updates/dkms/a.ko

== framework.conf.d wins
$ mkdir -p /tmp/t1 /tmp/t2 /etc/dkms/framework.conf.d; echo dkms_tree=/tmp/t1 >/etc/dkms/framework.conf; echo dkms_tree=/tmp/t2 >/etc/dkms/framework.conf.d/x.conf; module a 1.0; dkms add a/1.0 >/dev/null; ls /tmp/t2
a

== the command line wins over framework.conf
$ mkdir -p /tmp/t1 /tmp/t2; echo dkms_tree=/tmp/t1 >/etc/dkms/framework.conf; module a 1.0; dkms add a/1.0 --dkmstree /tmp/t2 >/dev/null; ls /tmp/t2
a

== symlink_modules
$ echo symlink_modules=yes >/etc/dkms/framework.conf; module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; readlink $(placed a $K1)
/var/lib/dkms/a/1.0/{K1}/x86_64/module/a.ko

== parallel_jobs
$ echo parallel_jobs=7 >/etc/dkms/framework.conf; module a 1.0 'MAKE[0]="make nothing"'; dkms build a/1.0 -k $K1 >/dev/null 2>&1; grep -o -e '-j[0-9]*' /var/lib/dkms/a/1.0/build/make.log | head -1
-j7

== parallel_jobs from the environment
$ module a 1.0 'MAKE[0]="make nothing"'; parallel_jobs=5 dkms build a/1.0 -k $K1 >/dev/null 2>&1; grep -o -e '-j[0-9]*' /var/lib/dkms/a/1.0/build/make.log | head -1
-j5

== framework.conf wins over the environment
$ echo parallel_jobs=7 >/etc/dkms/framework.conf; module a 1.0 'MAKE[0]="make nothing"'; parallel_jobs=5 dkms build a/1.0 -k $K1 >/dev/null 2>&1; grep -o -e '-j[0-9]*' /var/lib/dkms/a/1.0/build/make.log | head -1
-j7

== mok_signing_key and mok_certificate
$ cp /var/lib/dkms/mok.key /srv/my.key; cp /var/lib/dkms/mok.pub /srv/my.pub; rm /var/lib/dkms/mok.*; printf 'mok_signing_key=/srv/my.key\nmok_certificate=/srv/my.pub\n' >/etc/dkms/framework.conf; module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; tail -c 28 /var/lib/dkms/a/1.0/$K1/$A/module/a.ko | tr '\n' ' '; ls /var/lib/dkms
~Module signature appended~ a

== try_sign_modules=false
$ echo try_sign_modules=false >/etc/dkms/framework.conf; module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; grep -c 'Module signature appended' /var/lib/dkms/a/1.0/$K1/$A/module/a.ko
0
[1]

== post_transaction after an installation
$ echo 'post_transaction="echo done for $kernelver >/srv/told"' >/etc/dkms/framework.conf; module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; cat /srv/told; test -e /var/lib/dkms/post_transaction.log
done for {K1}

== post_transaction after autoinstall
$ echo 'post_transaction="echo done for $kernelver >/srv/told"' >/etc/dkms/framework.conf; module a 1.0; dkms add a/1.0 >/dev/null; dkms autoinstall -k $K1 >/dev/null; cat /srv/told
done for {K1}

== post_transaction after a removal
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; echo 'post_transaction="touch /srv/told"' >/etc/dkms/framework.conf; dkms remove a/1.0 --all >/dev/null; ls /srv/told
/srv/told

== post_transaction is not run after a failure
$ echo 'post_transaction="touch /srv/told"' >/etc/dkms/framework.conf; module a 1.0 'MAKE[0]=false'; dkms install a/1.0 -k $K1 >/dev/null 2>&1; ls /srv/told 2>/dev/null | wc -l
0

== build_environment
$ echo 'export FROM_OUTSIDE=seen' >/srv/env; echo build_environment=/srv/env >/etc/dkms/framework.conf; module a 1.0 'MAKE[0]="echo is $FROM_OUTSIDE; cp /srv/ko/$kernelver.ko a.ko"'; sed -i 's/\$FROM/\\\\\\$FROM/' /usr/src/a-1.0/dkms.conf; dkms build a/1.0 -k $K1 >/dev/null; grep -c '^is seen' /var/lib/dkms/a/1.0/$K1/$A/log/make.log
1

== no-autoinstall: autoinstall
$ touch /etc/dkms/no-autoinstall; module a 1.0; dkms add a/1.0 >/dev/null; dkms autoinstall -k $K1 | wc -l; dkms status
1
a/1.0: added

== no-autoinstall: kernel_postinst
$ touch /etc/dkms/no-autoinstall; module a 1.0; dkms add a/1.0 >/dev/null; dkms kernel_postinst -k $K1 >/dev/null; dkms status
a/1.0: added

== no-autoinstall: a package is not even added
$ touch /etc/dkms/no-autoinstall; module a 1.0; /usr/lib/dkms/common.postinst a 1.0 >/dev/null; dkms status | wc -l
0

== modules_to_force_install: M
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; mkdir -p /lib/modules/$K1/extra /usr/share/dkms/modules_to_force_install; cp /var/lib/dkms/a/1.0/$K1/$A/module/a.ko /lib/modules/$K1/extra/; echo a >/usr/share/dkms/modules_to_force_install/x; dkms install a/1.0 -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed...

== modules_to_force_install: M_version-override
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; mkdir -p /lib/modules/$K1/extra /usr/share/dkms/modules_to_force_install; cp /var/lib/dkms/a/1.0/$K1/$A/module/a.ko /lib/modules/$K1/extra/; echo a_version-override >/usr/share/dkms/modules_to_force_install/x; dkms install a/1.0 -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed...

== CC and the like do not reach the build
$ module a 1.0 'MAKE[0]="echo flags: \\\$CFLAGS; cp /srv/ko/$kernelver.ko a.ko"'; CFLAGS=-bad LDFLAGS=-bad dkms build a/1.0 -k $K1 >/dev/null; grep -c '^flags:.*bad' /var/lib/dkms/a/1.0/$K1/$A/log/make.log
0
[1]

== umask
$ module a 1.0; (umask 077; dkms install a/1.0 -k $K1 >/dev/null); stat -c %a $(placed a $K1) /var/lib/dkms/a/1.0 /lib/modules/$K1/updates/dkms
644
755
755
