== several modules
$ for m in a b; do module $m 1.0; dkms add $m/1.0 >/dev/null; done; dkms autoinstall -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed
b/1.0, {K1}, x86_64: installed

== the summary of what succeeded
$ for m in a b; do module $m 1.0; dkms add $m/1.0 >/dev/null; done; dkms autoinstall -k $K1 | grep '^Autoinstall on'
Autoinstall on {K1} succeeded for module(s) a b.

== the summary of what failed
$ module a 1.0; module b 1.0 'MAKE[0]=false'; for m in a b; do dkms add $m/1.0 >/dev/null; done; dkms autoinstall -k $K1 2>/dev/null | grep '^Autoinstall on'
Autoinstall on {K1} succeeded for module(s) a.
Autoinstall on {K1} failed for module(s) b(10).

== the summary of what was skipped
$ module a 1.0; module b 1.0 'BUILD_EXCLUSIVE_KERNEL=^9'; for m in a b; do dkms add $m/1.0 >/dev/null; done; dkms autoinstall -k $K1 2>/dev/null | grep '^Autoinstall on'
Autoinstall on {K1} succeeded for module(s) a.
Autoinstall on {K1} was skipped for module(s) b.

== only the highest version
$ module a 9.0; module a 10.0; dkms add a/9.0 >/dev/null; dkms add a/10.0 >/dev/null; dkms autoinstall -k $K1 >/dev/null; dkms status
a/10.0, {K1}, x86_64: installed
a/9.0: added

== a failure does not keep others back
$ module a 1.0 'MAKE[0]=false'; module b 1.0; dkms add a/1.0 >/dev/null; dkms add b/1.0 >/dev/null; dkms autoinstall -k $K1 >/dev/null 2>&1
[11]
$ dkms status
a/1.0: added
b/1.0, {K1}, x86_64: installed

== an excluded module is no failure
$ module a 1.0 'BUILD_EXCLUSIVE_KERNEL=^9'; dkms add a/1.0 >/dev/null; dkms autoinstall -k $K1 >/dev/null 2>&1

== a broken module is reported, the others are installed
$ module a 1.0; module b 1.0; dkms add a/1.0 >/dev/null; dkms add b/1.0 >/dev/null; rm -r /usr/src/a-1.0; dkms autoinstall -k $K1 >/dev/null
[11]
! Error! a/1.0: ...
$ dkms status 2>/dev/null
a/1.0: broken
b/1.0, {K1}, x86_64: installed

== a bad dkms.conf does not keep others back
$ module a 1.0; module b 1.0; dkms add a/1.0 >/dev/null; dkms add b/1.0 >/dev/null; echo 'AUTOINSTALL=perhaps' >>/usr/src/a-1.0/dkms.conf; dkms autoinstall -k $K1 >/dev/null 2>&1
[11]
$ dkms status 2>/dev/null | grep ^b
b/1.0, {K1}, x86_64: installed

== kernel_postinst is autoinstall
$ module a 1.0; dkms add a/1.0 >/dev/null; dkms kernel_postinst -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed

== kernel_prerm takes everything of that kernel away
$ module a 1.0; module b 1.0 AUTOINSTALL=no; dkms install a/1.0 -k $K1 -k $K2 >/dev/null; dkms install b/1.0 -k $K1 >/dev/null; dkms kernel_prerm -k $K1 >/dev/null
! dkms: removing module a/1.0 for kernel {K1} (x86_64)
! dkms: removing module b/1.0 for kernel {K1} (x86_64)
$ dkms status
a/1.0, {K2}, x86_64: installed
b/1.0: added

== kernel_preinst takes those away that ask for autoinstall
$ module a 1.0; module b 1.0 AUTOINSTALL=no; dkms install a/1.0 -k $K1 >/dev/null; dkms install b/1.0 -k $K1 >/dev/null; dkms kernel_preinst -k $K1 >/dev/null; dkms status
a/1.0: added
b/1.0, {K1}, x86_64: installed

== match installs what the template kernel has
$ module a 1.0; module b 1.0; dkms install a/1.0 -k $K1 >/dev/null; dkms add b/1.0 >/dev/null; dkms match --templatekernel $K1 -k $K2 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed
a/1.0, {K2}, x86_64: installed
b/1.0: added

== match with nothing to do
$ module a 1.0; dkms add a/1.0 >/dev/null; dkms match --templatekernel $K1 -k $K2
...
There is nothing to be done for this match.
...

== generate_mok
$ rm /var/lib/dkms/mok.*; dkms generate_mok >/dev/null; stat -c '%n %a' /var/lib/dkms/mok.*; openssl x509 -inform DER -in /var/lib/dkms/mok.pub -noout -ext extendedKeyUsage 2>/dev/null | tail -1
/var/lib/dkms/mok.key 600
/var/lib/dkms/mok.pub 644
...

== generate_mok keeps a key that is there
$ sum=$(sha256sum /var/lib/dkms/mok.key /var/lib/dkms/mok.pub); dkms generate_mok >/dev/null; test "$sum" = "$(sha256sum /var/lib/dkms/mok.key /var/lib/dkms/mok.pub)"

== generate_mok tells also those who may not read the key
$ dkms generate_mok >/dev/null; runuser -u somebody -- dkms generate_mok
...
Found signing key /var/lib/dkms/mok.key and certificate /var/lib/dkms/mok.pub
...
