# Debian testing as a system of rpms: dnf 5, rpm 6, kernel-install with dracut, images in /boot as grub has them on Fedora.
# Two kernels in the repositories below /srv, none installed; /etc/test-kernels has their releases, older first.
# parent: forky
# with: rpms.sh
install dnf5 rpm createrepo-c dracut dracut-core util-linux-extra systemd curl
rpm_start
libmodules=/usr/lib/modules
# The archive has one version at a time: its real-time flavour is the older kernel.
old=$(newest '[0-9]+\.[0-9]+\.[0-9]+[+]deb14-amd64')
version=${old%%+*}
for pair in "${old%-amd64}-rt-amd64 0.rt" "$old 1.deb14"; do
  set -- $pair
  unpack_kernel "$1" "$version-$2.x86_64"
  fedora_kernel "$version" "$2"
  echo "$version-$2.x86_64" >>/etc/test-kernels
done
module_packages
rpm_end
printf 'layout=other\ninitrd_generator=dracut\n' >/etc/kernel/install.conf
# What grub's package does on Fedora: the kernel and its initrd under the names that grub reads.
mkdir -p /etc/kernel/install.d
cat >/etc/kernel/install.d/89-grub.install <<'S'
#!/bin/sh
case $1 in
  add) cp "$4" "/boot/vmlinuz-$2"
    cp "$KERNEL_INSTALL_STAGING_AREA/initrd" "/boot/initramfs-$2.img" ;;
  remove) rm -f "/boot/vmlinuz-$2" "/boot/initramfs-$2.img" ;;
esac
exit 0
S
chmod 755 /etc/kernel/install.d/89-grub.install
