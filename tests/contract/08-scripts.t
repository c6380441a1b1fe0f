== PRE_BUILD and POST_BUILD: where, with what
$ module a 1.0 'PRE_BUILD="s.sh one two"' 'POST_BUILD="s.sh three"'; printf '#!/bin/sh\necho "in $(pwd): $* $module $module_version $kernelver $arch"\n' >/usr/src/a-1.0/s.sh; chmod +x /usr/src/a-1.0/s.sh
$ dkms build a/1.0 -k $K1 >/dev/null; grep '^in ' /var/lib/dkms/a/1.0/$K1/$A/log/make.log
in /var/lib/dkms/a/1.0/build: one two a 1.0 {K1} x86_64
in /var/lib/dkms/a/1.0/build: three a 1.0 {K1} x86_64

== PRE_BUILD that gives up: what it said last is told
$ module a 1.0 'PRE_BUILD=s.sh'; printf '#!/bin/sh\necho looking\necho "This kernel is too new."\nexit 3\n' >/usr/src/a-1.0/s.sh; chmod +x /usr/src/a-1.0/s.sh; dkms build a/1.0 -k $K1 2>&1 >/dev/null | grep -A1 PRE_BUILD | sed 's/^ *//'
Error! PRE_BUILD of a/1.0 failed with status 3
This kernel is too new.

== POST_BUILD finds what was built
$ module a 1.0 'POST_BUILD="s.sh"'; printf '#!/bin/sh\nls $0 >/dev/null; ls /var/lib/dkms/a/1.0/$kernelver/$arch/module\n' >/usr/src/a-1.0/s.sh; chmod +x /usr/src/a-1.0/s.sh; dkms build a/1.0 -k $K1 >/dev/null; grep -c '^a.ko$' /var/lib/dkms/a/1.0/$K1/$A/log/make.log
1

== PRE_INSTALL and POST_INSTALL: where, with what
$ module a 1.0 'PRE_INSTALL="s.sh pre"' 'POST_INSTALL="s.sh post"'; printf '#!/bin/sh\necho "in $(pwd): $* $module $module_version $kernelver $arch" >>/srv/told\n' >/usr/src/a-1.0/s.sh; chmod +x /usr/src/a-1.0/s.sh; dkms install a/1.0 -k $K1 >/dev/null; cat /srv/told
in /var/lib/dkms/a/1.0/source: pre a 1.0 {K1} x86_64
in /var/lib/dkms/a/1.0/source: post a 1.0 {K1} x86_64

== PRE_INSTALL comes before anything is copied, POST_INSTALL before depmod
$ module a 1.0 'PRE_INSTALL="s.sh"' 'POST_INSTALL="s.sh"'; printf '#!/bin/sh\nls /lib/modules/$kernelver/updates/dkms 2>/dev/null >>/srv/told; grep -c updates/dkms/a.ko /lib/modules/$kernelver/modules.dep >>/srv/told; true\n' >/usr/src/a-1.0/s.sh; chmod +x /usr/src/a-1.0/s.sh; dkms install a/1.0 -k $K1 >/dev/null; cat /srv/told
0
a.ko
0

== POST_ADD: where
$ module a 1.0 'POST_ADD="s.sh x"'; printf '#!/bin/sh\necho "in $(pwd): $*"\n' >/usr/src/a-1.0/s.sh; chmod +x /usr/src/a-1.0/s.sh; dkms add a/1.0 | grep '^in '
in /var/lib/dkms/a/1.0/source: x

== POST_REMOVE runs when it is uninstalled
$ module a 1.0 'POST_REMOVE="s.sh"'; printf '#!/bin/sh\necho "in $(pwd)"; ls /lib/modules/'$K1'/updates/dkms/a.ko 2>/dev/null; true\n' >/usr/src/a-1.0/s.sh; chmod +x /usr/src/a-1.0/s.sh; dkms install a/1.0 -k $K1 >/dev/null; dkms uninstall a/1.0 -k $K1 | grep -e '^in ' -e a.ko$
...
in /var/lib/dkms/a/1.0/source
...

== a script that is not executable
$ module a 1.0 'POST_INSTALL="s.sh"'; echo 'touch /srv/told' >/usr/src/a-1.0/s.sh; dkms install a/1.0 -k $K1 >/dev/null 2>&1; ls /srv/told 2>/dev/null | wc -l
0

== /etc/dkms/M/SCRIPT takes the place of the module's
$ module a 1.0 'POST_INSTALL="s.sh x"'; printf '#!/bin/sh\necho module >/srv/told\n' >/usr/src/a-1.0/s.sh; chmod +x /usr/src/a-1.0/s.sh; mkdir -p /etc/dkms/a; printf '#!/bin/sh\necho "administrator $* in $(pwd)" >/srv/told\n' >/etc/dkms/a/s.sh; chmod +x /etc/dkms/a/s.sh; dkms install a/1.0 -k $K1 >/dev/null; cat /srv/told
administrator x in /etc/dkms/a

== a script may call back
$ module a 1.0 'POST_INSTALL="s.sh"'; printf '#!/bin/sh\ndkms status >/srv/told\n' >/usr/src/a-1.0/s.sh; chmod +x /usr/src/a-1.0/s.sh; dkms install a/1.0 -k $K1 >/dev/null; cat /srv/told
a/1.0, {K1}, x86_64: installed
