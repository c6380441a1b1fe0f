== nothing there
$ dkms status | wc -l
0

== added
$ module a 1.0; dkms add a/1.0 >/dev/null; dkms status
a/1.0: added

== built
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: built

== installed
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed

== installed for one kernel, built for another
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms install a/1.0 -k $K2 >/dev/null; dkms status
a/1.0, {K1}, x86_64: built
a/1.0, {K2}, x86_64: installed

== broken
$ module a 1.0; dkms add a/1.0 >/dev/null; rm -r /usr/src/a-1.0; dkms status
a/1.0: broken
! Error! a/1.0: ...

== two versions
$ module a 1.0; module a 2.0; dkms install a/1.0 -k $K1 >/dev/null; dkms build a/2.0 -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed
a/2.0, {K1}, x86_64: built

== one of two versions is active
$ module a 1.0; module a 2.0; dkms install a/1.0 -k $K1 >/dev/null; dkms install a/2.0 -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: built
a/2.0, {K1}, x86_64: installed

== modules in the order of their names
$ for m in c b a; do module $m 1.0; dkms add $m/1.0 >/dev/null; done; dkms status
a/1.0: added
b/1.0: added
c/1.0: added

== built files missing
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; rm /var/lib/dkms/a/1.0/$K1/$A/module/a.ko; dkms status
a/1.0, {K1}, x86_64: installed (Built modules are missing in the kernel modules folder)

== an installed file differs
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; echo x >>$(placed a $K1); dkms status
a/1.0, {K1}, x86_64: installed (Differences between built and installed modules)

== an installed file is gone
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; rm $(placed a $K1); dkms status
a/1.0, {K1}, x86_64: installed (Differences between built and installed modules)

== original modules
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; mkdir -p /var/lib/dkms/a/original_module/$K1/$A; dkms status
a/1.0, {K1}, x86_64: installed (Original modules exist)

== original modules and a difference
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; mkdir -p /var/lib/dkms/a/original_module/$K1/$A; rm $(placed a $K1); dkms status
a/1.0, {K1}, x86_64: installed (Original modules exist) (Differences between built and installed modules)

== -m
$ module a 1.0; module b 1.0; dkms add a/1.0 >/dev/null; dkms add b/1.0 >/dev/null; dkms status -m b
b/1.0: added

== -m and -v
$ module a 1.0; module a 2.0; dkms add a/1.0 >/dev/null; dkms add a/2.0 >/dev/null; dkms status -m a -v 2.0
a/2.0: added

== an operand
$ module a 1.0; module a 2.0; dkms add a/1.0 >/dev/null; dkms add a/2.0 >/dev/null; dkms status a/1.0
a/1.0: added

== a pattern for modules
$ module nvidia 1.0; module zfs 1.0; dkms add nvidia/1.0 >/dev/null; dkms add zfs/1.0 >/dev/null; dkms status 'nv*'
nvidia/1.0: added

== a pattern for kernels
$ module a 1.0; dkms build a/1.0 -k $K1 -k $K2 >/dev/null; dkms status -k "${K1%-*}*"
a/1.0, {K1}, x86_64: built

== -k shows what is not built for it as added
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms status -k $K2
a/1.0: added

== -k twice
$ module a 1.0; dkms build a/1.0 -k $K1 -k $K2 >/dev/null; dkms status -k $K1 -k $K2
a/1.0, {K1}, x86_64: built
a/1.0, {K2}, x86_64: built

== -k K/A
$ module a 1.0; dkms build a/1.0 -k $K1 >/dev/null; dkms status -k $K1/x86_64; dkms status -k $K1/arm64
a/1.0, {K1}, x86_64: built
a/1.0: added

== a module that is not there
$ dkms status none | wc -l
0

== without root
$ module a 1.0; dkms install a/1.0 -k $K1 >/dev/null; runuser -u somebody -- dkms status
a/1.0, {K1}, x86_64: installed

== a module without files is installed all the same
$ mkdir /usr/src/z-1.0; printf 'PACKAGE_NAME=z\nPACKAGE_VERSION=1.0\nMAKE=true\n' >/usr/src/z-1.0/dkms.conf; touch /usr/src/z-1.0/x
$ dkms install z/1.0 -k $K1 >/dev/null 2>&1; dkms status
z/1.0, {K1}, x86_64: installed
