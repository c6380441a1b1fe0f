# Debian testing's kernel-install and pacman, and a kernel with its headers; in /etc/test-kernels.
# parent: forky
install systemd pacman-package-manager libarchive-tools
k=$(newest '[0-9.]+[+]deb[0-9]+-cloud-amd64')
install "linux-image-$k" "linux-headers-$k"
echo "$k" >/etc/test-kernels
