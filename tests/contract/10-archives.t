== mktarball: the default name and place
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms mktarball a/1.0 -k $K1 >/dev/null; ls /var/lib/dkms/a/1.0/tarball
a-1.0-kernel{K1}-x86_64.dkms.tar.gz

== mktarball: two kernels
$ module a 1.0; dkms build a/1.0 -k $K1 -k $K2 >/dev/null; dkms mktarball a/1.0 --all >/dev/null; ls /var/lib/dkms/a/1.0/tarball
a-1.0-kernel{K1}-x86_64-kernel{K2}-x86_64.dkms.tar.gz

== mktarball: what is in it
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms mktarball a/1.0 -k $K1 --archive /tmp/a.tar.gz >/dev/null; tar -tzf /tmp/a.tar.gz | sed 's,^\./,,' | grep -v -e '/$' -e evermod.json | sort
dkms_main_tree/{K1}/x86_64/log/make.log
dkms_main_tree/{K1}/x86_64/module/a.ko
dkms_source_tree/a.c
dkms_source_tree/dkms.conf

== mktarball --source-only
$ module a 1.0; dkms add a/1.0 >/dev/null; dkms mktarball a/1.0 --source-only >/dev/null; ls /var/lib/dkms/a/1.0/tarball; tar -tzf /var/lib/dkms/a/1.0/tarball/*.gz | sed 's,^\./,,' | grep -c '^dkms_source_tree/dkms.conf$'
a-1.0-source-only.dkms.tar.gz
1

== mktarball --binaries-only
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms mktarball a/1.0 -k $K1 --binaries-only --archive /tmp/a.tar.gz >/dev/null; tar -tzf /tmp/a.tar.gz | sed 's,^\./,,' | grep -v '/$' | grep -c -e '^dkms_binaries_only/PACKAGE_NAME$' -e '^dkms_binaries_only/PACKAGE_VERSION$' -e '^dkms_binaries_only/dkms.conf$'
3

== ldtarball: what mktarball wrote
$ module a 1.0; dkms build a/1.0 -k $K1 -k $K2 >/dev/null; dkms mktarball a/1.0 --all --archive /tmp/a.tar.gz >/dev/null; dkms remove a/1.0 --all >/dev/null; rm -r /usr/src/a-1.0; dkms ldtarball /tmp/a.tar.gz >/dev/null; dkms status
a/1.0, {K1}, x86_64: built
a/1.0, {K2}, x86_64: built

== ldtarball: binaries only
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms mktarball a/1.0 -k $K1 --binaries-only --archive /tmp/a.tar.gz >/dev/null; dkms remove a/1.0 --all >/dev/null; rm -r /usr/src/a-1.0; dkms ldtarball /tmp/a.tar.gz >/dev/null; dkms install a/1.0 -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed

== ldtarball --force replaces
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms mktarball a/1.0 -k $K1 --archive /tmp/a.tar.gz >/dev/null; dkms ldtarball --force /tmp/a.tar.gz >/dev/null; dkms status
a/1.0, {K1}, x86_64: built

== ldtarball: xz
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms mktarball a/1.0 -k $K1 --archive /tmp/a.tar.xz >/dev/null; dkms remove a/1.0 --all >/dev/null; xz -t /tmp/a.tar.xz; dkms ldtarball --archive=/tmp/a.tar.xz >/dev/null; dkms status
a/1.0, {K1}, x86_64: built

== ldtarball: zstd
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms mktarball a/1.0 -k $K1 --archive /tmp/a.tar.zst >/dev/null; dkms remove a/1.0 --all >/dev/null; zstd -q -t /tmp/a.tar.zst; dkms ldtarball --archive=/tmp/a.tar.zst >/dev/null; dkms status
a/1.0, {K1}, x86_64: built

== ldtarball: a member that leads out
$ mkdir -p /tmp/t/dkms_source_tree; module a 1.0; cp /usr/src/a-1.0/* /tmp/t/dkms_source_tree; mkdir /tmp/t/dkms_main_tree; rm -r /usr/src/a-1.0; cd /tmp/t; echo x >/tmp/evil; tar -czPf /tmp/e.tar.gz dkms_source_tree dkms_main_tree ../evil; dkms ldtarball /tmp/e.tar.gz >/dev/null 2>&1 && echo loaded; dkms status | wc -l; ls /usr/src | grep -c ^a-
0
0
[1]
