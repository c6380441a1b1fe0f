# Debian 13, one kernel behind. Its archive mostly has one generation of the meta packages, so those of the kernel before
# are made here: the same packages, of that kernel's version, with its names in their dependencies.
# /etc/test-upgrade holds the apt-get arguments that bring the newer one, /etc/test-flavour what the meta packages are of.
# All it needs later is downloaded here. The flavour for virtual machines has a fourth of the modules, all compressed: each
# depmod reads them all.
# parent: trixie
flavour=cloud-amd64
echo "$flavour" >/etc/test-flavour
apt-get -y -q full-upgrade
older=$(newest "6\.12\.[0-9]+[+]deb13-$flavour" 2 | head -n 1)
# As in the root of Debian 12: an initramfs is written often here and never booted.
mkdir -p /etc/initramfs-tools/conf.d
printf 'MODULES=list\nCOMPRESS=gzip\nCOMPRESSLEVEL=1\n' >/etc/initramfs-tools/conf.d/fast
install initramfs-tools "linux-image-$older" "linux-headers-$older"
version=$(dpkg-query -W -f '${Version}' "linux-headers-$older")
for kind in image headers; do
  meta=/tmp/linux-$kind-$flavour
  mkdir -p "$meta/DEBIAN"
  printf '%s\n' "Package: linux-$kind-$flavour" "Version: $version" 'Architecture: amd64' \
    'Maintainer: nobody <nobody@packages.invalid>' "Depends: linux-$kind-$older (= $version)" \
    'Description: the kernel before the newest one' >"$meta/DEBIAN/control"
  dpkg-deb --root-owner-group -b "$meta" "$meta.deb"
  install "$meta.deb"
  rm -rf "$meta" "$meta.deb"
done
echo '-y full-upgrade' >/etc/test-upgrade
apt-get -q -y --download-only full-upgrade
apt-get -q -y --download-only install dkms acpi-call-dkms v4l2loopback-dkms
