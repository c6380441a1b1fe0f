# Debian 13 as a system of pacman's, with a stand-in for mkinitcpio. Repositories below /srv/pacman: `old` and `new` have the
# kernels of /etc/test-kernels; `now`, which pacman.conf names, is a link to one of them. /srv/pacman/pool has all packages.
# parent: pacman-kernels
# with: arch.sh
install libelf1t64 pahole
printf 'MODULES=list\nCOMPRESS=gzip\nCOMPRESSLEVEL=1\n' >/etc/initramfs-tools/conf.d/fast

# driver NAME VERSION RELEASE < C source: package NAME-dkms with the sources of a module of one file.
driver() {
  local src=$work/pkg/usr/src/$1-$2
  mkdir -p "$src"
  cat >"$src/$1.c"
  printf 'obj-m := %s.o\n' "$1" >"$src/Makefile"
  printf '%s\n' "PACKAGE_NAME=\"$1\"" "PACKAGE_VERSION=\"$2\"" "BUILT_MODULE_NAME[0]=\"$1\"" 'DEST_MODULE_LOCATION[0]="/updates/dkms"' \
    'AUTOINSTALL="yes"' >"$src/dkms.conf"
  pack "$1-dkms" "$2-$3" any "$work/pkg" depend=dkms
}

source_of() {
  printf '#include <linux/module.h>\n#include <linux/version.h>\n%s\n' "${2:-}"
  printf 'static int __init start(void)\n{\n\t%s;\n\treturn 0;\n}\nmodule_init(start);\n' "$1"
  printf 'static void __exit stop(void)\n{\n}\nmodule_exit(stop);\nMODULE_LICENSE("GPL");\nMODULE_DESCRIPTION("for tests");\n'
}

# What the packages of a distribution would bring; here Debian's have brought it.
mkdir -p "$work/pkg/usr/share/doc/debian-has-it"
pack debian-has-it 1-1 any "$work/pkg" provides=gcc provides=make provides=binutils provides=patch provides=kmod provides=bubblewrap \
  provides=bash provides=coreutils provides=util-linux provides=zstd provides=xz provides=glibc=2.41 provides=gcc-libs provides=openssl

cloud=$(grep cloud /etc/test-kernels)
source_of 'pr_info("one\n")' | driver hello 1.0 1
# The same version again with another source, then a newer one, then one that does not build.
source_of 'pr_info("one, again\n")' | driver hello 1.0 2
source_of 'pr_info("two\n")' | driver hello 2.0 1
source_of 'removed_from_the_kernel(THIS_MODULE)' | driver hello 3.0 1
source_of 'removed_from_the_kernel(THIS_MODULE)' | driver broken 1.0 1
# Good for the older kernels, not for the newer ones.
last=$(printf '%s\n' $cloud | tail -n 1)
last=${last%%+*}
source_of 'changed_with_the_last_kernel()' "
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, ${last##*.})
extern void changed_with_the_last_kernel(int);
#else
static inline void changed_with_the_last_kernel(void) { }
#endif" | driver fussy 1.0 1
# One of Debian's own.
(cd "$work" && apt-get -q download acpi-call-dkms && dpkg-deb -x acpi-call-dkms_*.deb acpi && rm acpi-call-dkms_*.deb)
mkdir -p "$work/pkg/usr" && mv "$work/acpi/usr/src" "$work/pkg/usr/src"
version=$(basename "$work"/pkg/usr/src/acpi-call-*)
pack acpi_call-dkms "${version##*-}-1" any "$work/pkg" depend=dkms
rm -rf "$work"

of() { (cd "$pool" && ls | sed 's/\.pkg\.tar\.zst$//' | grep -E -- "$1"); }
older() { of "^linux.*-${1%%+*}\."; }
first=$(printf '%s\n' $cloud | head -n 1) second=$(printf '%s\n' $cloud | tail -n 1)
drivers=$(of '-dkms-' | grep -v '^hello-dkms-1.0-2\|^hello-dkms-[23]')
repository /srv/pacman/old $(older "$first") $drivers
repository /srv/pacman/new $(older "$second") $(of '-dkms-' | grep -v '^hello-dkms-[13]')
ln -s old /srv/pacman/now

cat >/etc/pacman.conf <<'S'
[options]
Architecture = x86_64
SigLevel = Never
[tests]
Server = file:///srv/pacman/now
S
mkdir -p /var/lib/pacman /var/cache/pacman/pkg /etc/mkinitcpio.d /usr/share/libalpm/hooks /usr/share/libalpm/scripts

# mkinitcpio's part: what it is called with and when is as in Arch, what it writes is Debian's.
cat >/usr/bin/mkinitcpio <<'S'
#!/bin/bash
# -p PRESET or -P: the images of one preset, or of all.
set -eu
[ "$1" = -P ] && set -- $(cd /etc/mkinitcpio.d && ls | sed 's/\.preset$//') || shift
for preset; do
  ALL_kver= default_image=
  . "/etc/mkinitcpio.d/$preset.preset"
  for dir in /usr/lib/modules/*/; do
    if [ "$(cat "$dir/pkgbase" 2>/dev/null)" = "$preset" ] && [ -e "$dir/vmlinuz" ]; then k=$(basename "$dir"); fi
  done
  echo "==> Building image from preset: $preset, kernel $k"
  echo "$preset $k" >>/var/log/mkinitcpio.log
  mkinitramfs -o "$default_image" "$k"
done
S
cat >/usr/share/libalpm/scripts/mkinitcpio <<'S'
#!/bin/bash
# install|remove, with the paths of the transaction on standard input.
set -eu
declare -A presets
all=
while read -r path; do
  case $path in
    usr/lib/modules/*/vmlinuz)
      base=$(cat "/${path%vmlinuz}pkgbase")
      if [ "$1" = remove ]; then
        rm -f "/boot/vmlinuz-$base" "/boot/initramfs-$base.img"
        continue
      fi
      install -Dm644 "/$path" "/boot/vmlinuz-$base"
      printf "ALL_kver='/boot/vmlinuz-%s'\nPRESETS=('default')\ndefault_image='/boot/initramfs-%s.img'\n" "$base" "$base" \
        >"/etc/mkinitcpio.d/$base.preset"
      presets[$base]=1 ;;
    *) all=1 ;;
  esac
done
[ "$1" = install ] || exit 0
if [ -n "$all" ]; then exec mkinitcpio -P; fi
for base in "${!presets[@]}"; do mkinitcpio -p "$base"; done
S
chmod 755 /usr/bin/mkinitcpio /usr/share/libalpm/scripts/mkinitcpio

hook() { # NAME WHEN EXEC, triggers on standard input
  { cat; printf '\n[Action]\nDescription = %s\nWhen = %s\nExec = %s\nNeedsTargets\n' "$1" "$2" "$3"; } >"/usr/share/libalpm/hooks/$1.hook"
}
printf '[Trigger]\nType = Path\nOperation = Install\nOperation = Upgrade\nOperation = Remove\nTarget = %s\nTarget = %s\nTarget = %s\n' \
  'usr/lib/modules/*/' '!usr/lib/modules/*/?*' 'usr/lib/modules/*/vmlinuz' |
  hook 60-depmod PostTransaction /usr/share/libalpm/scripts/depmod
printf '[Trigger]\nType = Path\nOperation = Remove\nTarget = usr/lib/modules/*/vmlinuz\n' |
  hook 60-mkinitcpio-remove PreTransaction '/usr/share/libalpm/scripts/mkinitcpio remove'
printf '[Trigger]\nType = Path\nOperation = Install\nOperation = Upgrade\nTarget = %s\nTarget = %s\nTarget = %s\n' \
  'usr/lib/modules/*/vmlinuz' 'usr/lib/initcpio/*' 'usr/src/*/dkms.conf' |
  hook 90-mkinitcpio-install PostTransaction '/usr/share/libalpm/scripts/mkinitcpio install'
cat >/usr/share/libalpm/scripts/depmod <<'S'
#!/bin/bash
# Indexes the kernels that came, and deletes the index of those that went.
kernels=()
while read -r path; do
  k=${path#usr/lib/modules/} k=${k%%/*}
  if [ -e "/usr/lib/modules/$k/pkgbase" ]; then kernels+=("$k"); continue; fi
  rm -f "/usr/lib/modules/$k"/modules.{alias,builtin,dep,softdep,symbols,weakdep,devname}{,.alias}{,.bin}
  rmdir "/usr/lib/modules/$k" 2>/dev/null
done
for k in $(printf '%s\n' "${kernels[@]}" | sort -u); do
  echo "$k" >>/var/log/depmod.log
  depmod "$k"
done
S
chmod 755 /usr/share/libalpm/scripts/depmod
# A system that has all of it but a kernel.
pacman -U --noconfirm "$pool"/debian-has-it-*
rm "$pool"/debian-has-it-*
# It says that it is Arch: where modules go and how they are packed follows from that.
rm -f /etc/os-release
printf 'NAME="Arch Linux"\nPRETTY_NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling\n' >/etc/os-release
