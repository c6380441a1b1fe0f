#!/bin/sh
# Fetches the dkms.conf of every Debian 12 package that carries one, for core/tests/conf_oracle.rs.
#
# Packages come through apt from the mirrors that this machine already uses, with contrib and non-free switched on
# in a private apt configuration, so the host's own is left alone. They are unpacked, never installed.
# EVERMOD_CACHE moves everything away from $XDG_CACHE_HOME/evermod-tests.
set -eu

packages="
acpi-call-dkms adv-17v35x-dkms bbswitch-dkms broadcom-sta-dkms dahdi-dkms ddcci-dkms digimend-dkms
dm-writeboost-dkms dpdk-kmods-dkms evdi-dkms gost-crypto-dkms iptables-netflow-dkms jool-dkms langford-dkms
librem-ec-acpi-dkms lime-forensics-dkms apfs-dkms lttng-modules-dkms nat-rtsp-dkms nvidia-kernel-dkms
nvidia-open-kernel-dkms nvidia-fs-dkms nvidia-tesla-470-kernel-dkms nvidia-tesla-kernel-dkms
nvidia-tesla-535-kernel-dkms openafs-modules-dkms openrazer-driver-dkms openvpn-dco-dkms r8125-dkms r8168-dkms
rapiddisk-dkms rtpengine-kernel-dkms falcosecurity-scap-dkms tp-smapi-dkms v4l2loopback-dkms vpoll-dkms
west-chamber-dkms xtables-addons-dkms xtrx-dkms zfs-dkms
"

cache=${EVERMOD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/evermod-tests}
corpus=$cache/corpus
debs=$corpus/debs
confs=$corpus/conf
apt=$corpus/apt
mkdir -p "$debs" "$confs" "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/empty"

# The Debian archives that the host knows, once each, with the components that carry modules.
apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian' |
    sort -u |
    while read -r uri _ suite; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main contrib non-free"
    done >"$apt/sources.list"
if ! [ -s "$apt/sources.list" ]; then
    echo "skipped: apt knows no Debian archive on this machine (run apt-get update first)" >&2
    exit 77
fi

private() {
    apt-get -q \
        -o "Dir::Etc::sourcelist=$apt/sources.list" -o "Dir::Etc::sourceparts=$apt/empty" \
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o "APT::Sandbox::User=root" "$@"
}
private update

# A package that the mirror no longer has costs itself only.
missing=
cd "$debs"
for package in $packages; do
    set -- "${package}"_*.deb
    [ -e "$1" ] || private download "$package" || missing="$missing $package"
done

for deb in "$debs"/*.deb; do
    [ -e "$deb" ] || continue
    package=$(basename "$deb" | cut -d_ -f1)
    # --fsys-tarfile needs neither root nor room for a whole driver.
    dpkg-deb --fsys-tarfile "$deb" |
        tar -x -f - -O --wildcards --no-wildcards-match-slash './usr/src/*/dkms.conf' >"$confs/$package.part" 2>/dev/null || :
    if [ -s "$confs/$package.part" ]; then
        mv "$confs/$package.part" "$confs/$package.conf"
    else
        rm -f "$confs/$package.part"
        missing="$missing $package(no-conf)"
    fi
done
echo "corpus: $(ls "$confs"/*.conf | wc -l) files in $confs"
[ -z "$missing" ] || echo "not there:$missing" >&2
