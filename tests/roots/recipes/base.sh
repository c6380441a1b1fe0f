# Debian 12 with a compiler and what evermod depends on. Run on the host; $part and the functions of lib.sh are there.
# evermod's own package finds all its dependencies here, so that its installation needs no network.
settings=$(mktemp)
apt_settings >"$settings"
cat >>"$settings" <<S
APT::Install-Recommends "false";
Acquire::Languages "none";
APT::Keep-Downloaded-Packages "true";
S
packages=gcc,make,libc6-dev,kmod,initramfs-tools,bubblewrap,binutils,patch,xz-utils,zstd,openssl,mokutil,ca-certificates
packages=$packages,perl,python3-minimal,bash-completion,less,procps,rsync
rmdir "$part/upper"
sources_for bookworm | mmdebstrap --mode=root --variant=minbase --format=directory --skip=cleanup/apt \
  --include="$packages" --aptopt="$settings" --dpkgopt=force-unsafe-io bookworm "$part/upper" -
rm -f "$settings" "$part/upper"/var/cache/apt/archives/*.deb
# No service is started in a root.
printf '#!/bin/sh\nexit 101\n' >"$part/upper/usr/sbin/policy-rc.d"
chmod 755 "$part/upper/usr/sbin/policy-rc.d"
# An initramfs is written often here and never booted: with all of a kernel's drivers and zstd -19 each takes 16 s of CPU,
# with only those that /etc/initramfs-tools/modules names and gzip a second or two.
printf 'MODULES=list\nCOMPRESS=gzip\nCOMPRESSLEVEL=1\n' >"$part/upper/etc/initramfs-tools/conf.d/fast"
