# The part of the demonstration that runs inside the Debian root; see demo.sh.
set -uo pipefail
started=$SECONDS
log=/tmp/apt.log
step() { printf '\n\033[1m== %s\033[0m  (%d s)\n' "$*" $((SECONDS - started)); }
show() { printf '\033[36m$ %s\033[0m\n' "$*"; "$@" 2>&1 | sed 's/^/  /'; return "${PIPESTATUS[0]}"; }
say() { printf '%s\n' "$*"; }

# Runs apt-get and keeps all it prints; what the drivers and the initramfs have to do with is shown.
apt() {
  printf '\033[36m$ apt-get %s\033[0m\n' "$*"
  local from=$EPOCHREALTIME rc=0
  apt-get -q -o Dpkg::Use-Pty=0 -o Dpkg::Progress-Fancy=0 "$@" >"$log" 2>&1 || rc=$?
  grep -E '^(evermod:|plan:|update-initramfs:|E:|W:|dpkg: error)|^Setting up (evermod|.*-dkms|linux-image-6|linux-headers-6.*-amd64)' "$log" | sed 's/^/  /'
  printf '  apt-get: exit code %s after %.1f s\n' "$rc" "$(echo "$from $EPOCHREALTIME" | awk '{print $2 - $1}')"
  return "$rc"
}
kernels() { ls /lib/modules | sort -V; }
newest() { kernels | tail -n 1; }
audit() {
  local found
  found=$(dpkg --audit)
  if [ -z "$found" ]; then say "  dpkg --audit: nothing to complain of"; else say "$found"; fi
}
# Where a kernel's drivers are, who signed them, and when they were written.
drivers() {
  local file
  for file in $(find "/lib/modules/$1" -path '*updates/*' -name '*.ko*' | sort); do
    say "  ${file#/lib/modules/}"
    say "    for $(modinfo -F vermagic "$file" | cut -d' ' -f1), signed by $(modinfo -F signer "$file"), written $(stat -c %z "$file" | cut -c12-21)"
  done
}
initramfs() {
  local image=/boot/initrd.img-$1
  say "  written $(grep -c "^update-initramfs: Generating $image" "$log") time(s) in this transaction, last at $(stat -c %y "$image" | cut -c12-21)"
  lsinitramfs "$image" | grep -E 'updates/.*\.ko' | sed 's/^/  in it: /'
}

step "The machine"
say "Kernel installed: $(newest). The drivers' packages are Debian's own; acpi_call is wanted in the initramfs."
echo acpi_call >>/etc/initramfs-tools/modules

step "Installing evermod"
apt install -y --no-install-recommends /tmp/evermod.deb || exit 1
show dkms --version

step "Installing two drivers: v4l2loopback and acpi-call"
apt install -y --no-install-recommends v4l2loopback-dkms acpi-call-dkms || exit 1
show evermod status
drivers "$(newest)"

step "Upgrading the kernel, image and headers"
say "A hook of this demonstration's own, run just before evermod's, shows what evermod plans for the new kernel."
printf '#!/bin/sh\nevermod plan -k "$1" | sed "s/^/plan: /"\n' >/etc/kernel/postinst.d/00-demo
chmod +x /etc/kernel/postinst.d/00-demo
old=$(newest)
read -ra upgrade </etc/test-upgrade
apt "${upgrade[@]}" || exit 1
new=$(newest)
[ "$old" != "$new" ] || { say "no newer kernel came"; exit 1; }
say ""
say "The drivers on $new:"
drivers "$new"
say "Its initramfs:"
initramfs "$new"
audit
show evermod status
say "Asked again, there is nothing left to do:"
show evermod sync
show evermod plan

step "A kernel that v4l2loopback cannot be built for, on a machine that cannot do without v4l2loopback"
mkdir -p /etc/evermod
printf '[policy]\ncritical = ["v4l2loopback"]\n' | tee /etc/evermod/evermod.toml | sed 's/^/  evermod.toml: /'
before=$(sha256sum /var/lib/dpkg/status; find /lib/modules /boot -printf '%p %s %T@\n' | sort)
read -ra jump </etc/test-jump
if apt "${jump[@]}"; then say "apt was not stopped"; exit 1; fi
after=$(sha256sum /var/lib/dpkg/status; find /lib/modules /boot -printf '%p %s %T@\n' | sort)
[ "$before" = "$after" ] || { say "something has changed"; exit 1; }
say "  Not a file below /lib/modules and /boot, and no package, has changed."

step "The same kernel, where v4l2loopback is only wanted"
rm /etc/evermod/evermod.toml
apt "${jump[@]}" || exit 1
next=$(newest)
audit
show evermod status
say ""
say "Why:"
show evermod log v4l2loopback -k "$next"
say ""
say "The other driver is there:"
drivers "$next"
say "The kernel's initramfs:"
initramfs "$next"
say "The kernel before it is as it was:"
drivers "$new"
