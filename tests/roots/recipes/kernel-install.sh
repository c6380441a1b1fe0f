# Debian 13's kernel-install with dracut, and a kernel with its headers, in /etc/test-kernels.
# parent: trixie
install systemd dracut-core
k=$(newest '6\.12\.[0-9]+[+]deb13-cloud-amd64')
install "linux-image-$k" "linux-headers-$k"
echo "$k" >/etc/test-kernels
# An initramfs is written often here and never booted.
printf 'hostonly=no\ncompress=cat\ndracutmodules="base"\ndrivers=""\nadd_drivers+=" hello "\nearly_microcode=no\n' >/etc/dracut.conf.d/fast.conf
