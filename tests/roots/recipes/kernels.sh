# Three kernels with image and headers, without initramfs: the newest two of Debian 12 and the newest of the next series.
# Their names move with each security update and old ones leave the archive, so they are looked up, never written down.
# parent: base
{
  newest '6\.1\.0-[0-9]+-amd64' 2
  newest '6\.[0-9]+\.[0-9]+[+]deb12-amd64'
} >/etc/test-kernels
packages=
for k in $(cat /etc/test-kernels); do packages="$packages linux-image-$k linux-headers-$k"; done
without_initramfs install $packages
