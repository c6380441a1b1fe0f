# The small kernels, and what it takes to boot one of them through shim and grub under UEFI Secure Boot.
# The boot programs are unpacked below /opt/secureboot, not installed: nothing here has a boot loader to set up.
# parent: cloud
install busybox-static mtools dosfstools cpio
mkdir -p /opt/secureboot /tmp/boot
cd /tmp/boot
apt-get -q -o APT::Sandbox::User=root download shim-signed shim-helpers-amd64-signed grub-efi-amd64-signed ovmf
for deb in *.deb; do dpkg-deb -x "$deb" /opt/secureboot; done
cd /
rm -r /tmp/boot
