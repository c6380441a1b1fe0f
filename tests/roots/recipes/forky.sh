# Debian testing with a compiler and what evermod depends on. Run on the host; $part and the functions of lib.sh are there.
settings=$(mktemp)
apt_settings >"$settings"
# A mirror may be a copy of a day that is past: testing's lists are valid for a week only.
cat >>"$settings" <<S
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
APT::Keep-Downloaded-Packages "true";
S
packages=gcc,make,libc6-dev,kmod,bubblewrap,binutils,patch,xz-utils,zstd,openssl,ca-certificates,bzip2
packages=$packages,perl,python3-minimal,procps,dpkg-dev
rmdir "$part/upper"
sources_for forky | mmdebstrap --mode=root --variant=minbase --format=directory --skip=cleanup/apt \
  --include="$packages" --aptopt="$settings" --dpkgopt=force-unsafe-io forky "$part/upper" -
rm -f "$settings" "$part/upper"/var/cache/apt/archives/*.deb
# No service is started in a root.
printf '#!/bin/sh\nexit 101\n' >"$part/upper/usr/sbin/policy-rc.d"
chmod 755 "$part/upper/usr/sbin/policy-rc.d"
