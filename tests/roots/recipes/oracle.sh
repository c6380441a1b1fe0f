# Two kernels' headers, and of their images only so many modules that depmod has real work and costs little: what the
# sequences of commands are run in, with evermod. The second kernel is of another flavour where the archive has one version.
# The headers are unpacked, not installed: their package asks for the whole image and its initramfs.
# parent: trixie
{
  newest '6\.[0-9]+\.[0-9]+[+]deb13-cloud-amd64'
  newest '6\.[0-9]+\.[0-9]+[+]deb13-amd64' 2
} | tail -n 2 >/etc/test-kernels
packages=
for k in $(cat /etc/test-kernels); do
  version=$(echo "$k" | sed -E 's/(-cloud)?-amd64$//')
  packages="$packages linux-headers-$version-common linux-kbuild-$version"
done
install $packages
mkdir /tmp/images
cd /tmp/images
for k in $(cat /etc/test-kernels); do
  apt-get -q -o APT::Sandbox::User=root download "linux-headers-$k" "linux-image-$k"
  dpkg-deb -x linux-headers-"$k"_*.deb unpacked
  cp -a unpacked/. /
  dpkg-deb --fsys-tarfile linux-image-"$k"_*.deb |
    tar -x -C / --no-same-owner --keep-directory-symlink --wildcards --wildcards-match-slash \
      '*/modules/*/modules.*' '*/modules/*/kernel/drivers/net/dummy.ko*' '*/modules/*/kernel/drivers/net/bonding/*' \
      '*/modules/*/kernel/drivers/net/veth.ko*' '*/modules/*/kernel/net/tls/*'
  rm -r unpacked ./*.deb
  depmod "$k"
done
cd /
rmdir /tmp/images
