# The small kernels that boot fastest in a virtual machine, of both series; they lack what some modules need.
# parent: base
{
  newest '6\.1\.0-[0-9]+-cloud-amd64'
  newest '6\.[0-9]+\.[0-9]+[+]deb12-cloud-amd64'
} >/etc/test-kernels
packages=
for k in $(cat /etc/test-kernels); do packages="$packages linux-image-$k linux-headers-$k"; done
without_initramfs install $packages
