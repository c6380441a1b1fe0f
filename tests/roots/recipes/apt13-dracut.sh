# The same with dracut in the place of initramfs-tools.
# parent: apt13
mkdir -p /etc/dracut.conf.d
printf 'hostonly=no\ncompress=cat\ndracutmodules="base"\n' >/etc/dracut.conf.d/fast.conf
install dracut initramfs-tools- initramfs-tools-core-
