== the action may stand last
$ module a 1.0; dkms -m a -v 1.0 add >/dev/null; dkms status
a/1.0: added

== two actions
$ dkms add build
[4]

== no action
$ dkms
[4]
Usage: ...
...

== an unknown action
$ dkms frobnicate >/dev/null
[4]
! Error! Unknown action specified: ...

== M/V
$ module a 1.0; dkms add a/1.0 >/dev/null; dkms status a/1.0
a/1.0: added

== M/V splits at the first slash
$ dkms add a/1/2
[2]
! ...'1/2'...

== M without a version, for build
$ module a 1.0; dkms build a
[1]

== M without a version, for remove
$ module a 1.0; dkms add a/1.0 >/dev/null; dkms remove a
[1]

== a directory with a dkms.conf
$ module a 1.0; mv /usr/src/a-1.0 /tmp/mine; dkms add /tmp/mine >/dev/null; dkms status
a/1.0: added
$ ls /usr/src/a-1.0
a.c
dkms.conf

== a directory with a dkms.conf, relative
$ module a 1.0; mv /usr/src/a-1.0 /tmp/mine; cd /tmp; dkms add ./mine >/dev/null; dkms status
a/1.0: added

== a dkms.conf
$ module a 1.0; mv /usr/src/a-1.0 /tmp/mine; dkms add /tmp/mine/dkms.conf >/dev/null; dkms status
a/1.0: added

== a dkms.conf here
$ module a 1.0; mv /usr/src/a-1.0 /tmp/mine; cd /tmp/mine; dkms add dkms.conf >/dev/null; dkms status
a/1.0: added

== a directory, for install
$ module a 1.0; mv /usr/src/a-1.0 /tmp/mine; dkms install /tmp/mine -k $K1 >/dev/null; dkms status
a/1.0, {K1}, x86_64: installed

== a directory without a dkms.conf
$ mkdir /tmp/empty; dkms add /tmp/empty
[1]
! ...dkms.conf...

== a directory whose dkms.conf is invalid
$ mkdir /tmp/bad; echo PACKAGE_NAME=bad >/tmp/bad/dkms.conf; dkms add /tmp/bad
[8]

== a directory whose name and version are taken
$ module a 1.0; dkms add a/1.0 >/dev/null; cp -r /usr/src/a-1.0 /tmp/mine; dkms add /tmp/mine
[3]

== a directory keeps modes and times
$ module a 1.0; mv /usr/src/a-1.0 /tmp/mine; touch -d 2001-02-03 /tmp/mine/a.c; chmod 640 /tmp/mine/a.c; dkms add /tmp/mine >/dev/null; stat -c '%a %y' /usr/src/a-1.0/a.c | cut -c1-14
640 2001-02-03

== --force replaces the sources
$ module a 1.0; cp -r /usr/src/a-1.0 /tmp/mine; touch /usr/src/a-1.0/old; dkms add /tmp/mine --force >/dev/null; ls /usr/src/a-1.0
a.c
dkms.conf

== the source tree's own directory
$ module a 1.0; dkms add /usr/src/a-1.0 >/dev/null; dkms status; ls /usr/src/a-1.0
a/1.0: added
a.c
dkms.conf

== -m and -v win over a directory
$ module a 1.0; module b 1.0; dkms add -m a -v 1.0 /usr/src/b-1.0 >/dev/null; dkms status
a/1.0: added

== an archive, for add
$ module a 1.0; cd /usr/src; tar -czf /tmp/a.tar.gz a-1.0; rm -r a-1.0; dkms add /tmp/a.tar.gz >/dev/null; dkms status
a/1.0: added

== an archive, for ldtarball
$ module a 1.0; cd /usr/src; tar -cJf /tmp/a.tar.xz a-1.0; rm -r a-1.0; dkms ldtarball /tmp/a.tar.xz >/dev/null; dkms status
a/1.0: added

== an operand too many
$ module a 1.0; dkms add a/1.0 nonsense >/dev/null
! Warning: ...nonsense...
$ dkms status
a/1.0: added

== blanks around a value
$ module a 1.0; dkms add -m ' a ' -v ' 1.0 ' >/dev/null; dkms status
a/1.0: added

== a value with a newline is its first line
$ module a 1.0; dkms add -m a -v $'1.0\n2.0' >/dev/null; dkms status
a/1.0: added

== a name that would leave the tree
$ dkms add -m ../x -v 1.0 2>&1 | grep -c .
...
$ dkms remove ../x/1.0 --all; test -d /var/lib/dkms
