# Debian 13 with rpm and pacman, to install evermod's own packages and to compare what unpacks packages.
# parent: trixie
install rpm rpmlint cpio pacman-package-manager libarchive-tools
