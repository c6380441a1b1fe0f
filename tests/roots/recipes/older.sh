# Debian 12's kernel-install and pacman, where there are three kernels.
# parent: kernels
install systemd pacman-package-manager libarchive-tools
