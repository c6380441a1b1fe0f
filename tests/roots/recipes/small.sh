# The same three kernels as in `kernels`, in the flavour for virtual machines: for tests of evermod that ask little of a
# kernel, since depmod reads a fourth of the modules.
# parent: base
{
  newest '6\.1\.0-[0-9]+-cloud-amd64' 2
  newest '6\.[0-9]+\.[0-9]+[+]deb12-cloud-amd64'
} >/etc/test-kernels
packages=
for k in $(cat /etc/test-kernels); do packages="$packages linux-image-$k linux-headers-$k"; done
without_initramfs install $packages
