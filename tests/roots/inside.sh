# Put before each recipe that runs inside a root.
install() { apt-get install -y -q --no-install-recommends "$@"; }

# Newest kernel releases that have image and headers: newest PATTERN [COUNT]
newest() {
  apt-cache search --names-only "^linux-(image|headers)-$1\$" | awk '{print $1}' |
    sed -E 's/^linux-(image|headers)-//' | sort -V | uniq -d | tail -n "${2:-1}"
}

# The image's hook that writes an initramfs (16 s of CPU each) is kept quiet while a root is made.
without_initramfs() {
  chmod -x /etc/kernel/postinst.d/initramfs-tools
  "$@"
  chmod +x /etc/kernel/postinst.d/initramfs-tools
}
