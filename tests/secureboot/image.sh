#!/bin/bash
# Run inside the root `secureboot`: makes the disk that a machine boots, with an initramfs of busybox, kmod and the files
# of /guest.
# usage: image.sh KERNEL DISK
set -euo pipefail
kernel=$1 disk=$2
tree=$(mktemp -d)
mkdir -p "$tree"/{bin,sbin,dev,proc,sys,tmp,lib64,guest} "$tree/lib/modules/$kernel"
cp /bin/busybox "$tree/bin/"
cp /bin/kmod "$tree/bin/"
for name in insmod modprobe rmmod lsmod modinfo depmod; do ln -s ../bin/kmod "$tree/sbin/$name"; done
for library in $(ldd /bin/kmod | grep -o '/[^ ]*'); do
  mkdir -p "$tree$(dirname "$library")"
  cp -L "$library" "$tree$library"
done
cp -a "/lib/modules/$kernel/updates" "$tree/lib/modules/$kernel/"
cp "/lib/modules/$kernel"/modules.{builtin,builtin.modinfo,order} "$tree/lib/modules/$kernel/"
depmod -b "$tree" "$kernel"
cp -a /guest/. "$tree/guest/"
install -m 755 /guest/init "$tree/init"
(cd "$tree" && find . | LC_ALL=C sort | cpio -o -H newc --quiet --owner=0:0) >/tmp/initrd

boot=/opt/secureboot/usr/lib
size=$(($(stat -c %s "/boot/vmlinuz-$kernel") + $(stat -c %s /tmp/initrd)))
rm -f "$disk"
truncate -s $((size / 1048576 + 16))M "$disk"
mkfs.vfat "$disk" >/dev/null
cat >/tmp/grub.cfg <<G
set timeout=0
if linux /vmlinuz console=ttyS0 panic=-1 quiet; then
  initrd /initrd
  boot
else
  echo "guest: grub refused the kernel"
  sleep 1
  halt
fi
G
export MTOOLS_SKIP_CHECK=1
mmd -i "$disk" ::EFI ::EFI/BOOT ::EFI/debian
mcopy -i "$disk" "$boot/shim/shimx64.efi.signed" ::EFI/BOOT/BOOTX64.EFI
mcopy -i "$disk" "$boot/shim/mmx64.efi.signed" ::EFI/BOOT/mmx64.efi
mcopy -i "$disk" "$boot/grub/x86_64-efi-signed/grubx64.efi.signed" ::EFI/BOOT/grubx64.efi
mcopy -i "$disk" /tmp/grub.cfg ::EFI/debian/grub.cfg
mcopy -i "$disk" "/boot/vmlinuz-$kernel" ::vmlinuz
mcopy -i "$disk" /tmp/initrd ::initrd
rm -rf "$tree"
