# Kernels and headers of Debian, repacked as Arch packs its own: two releases as linux, two as linux-lts; in /etc/test-kernels.
# parent: trixie
# with: arch.sh
install pacman-package-manager libarchive-tools initramfs-tools cpio

# kernel NAME VERSION RELEASE: packages NAME and NAME-headers of Debian's kernel RELEASE, with all that is needed to build.
kernel() {
  local name=$1 version=$2 k=$3 from=$work/deb dir=$work/pkg common=${3%%+*}+deb13 tree build
  rm -rf "$from"
  (cd "$work" && apt-get -q download "linux-image-$k" "linux-headers-$k" "linux-headers-$common-common" "linux-kbuild-$common")
  for deb in "$work"/*.deb; do dpkg-deb -x "$deb" "$from"; done
  rm "$work"/*.deb
  # The image: vmlinuz and who owns it beside the modules; of a big kernel a part of them.
  tree=$dir/usr/lib/modules/$k
  mkdir -p "$dir/usr/lib/modules"
  mv "$from/usr/lib/modules/$k" "$tree"
  rm -f "$tree/build" "$tree/source"
  cp "$from/boot/vmlinuz-$k" "$tree/vmlinuz"
  echo "$name" >"$tree/pkgbase"
  [ "$name" = linux ] || (cd "$tree/kernel" && rm -rf drivers sound net arch)
  [ -e "$tree/modules.order" ] || (cd "$tree" && find kernel -name '*.ko*' | sed 's/\.ko.*/.ko/' | sort >modules.order)
  pack "$name" "$version" x86_64 "$dir"
  # The headers: one tree of real files, which says its own place nowhere.
  build=$dir/usr/lib/modules/$k/build
  mkdir -p "$build" "$dir/usr/src"
  cp -a "$from/usr/src/linux-headers-$common-common/." "$build"
  find "$build/arch" -mindepth 1 -maxdepth 1 -type d ! -name x86 -exec rm -rf {} +
  rm -rf "$build/scripts" "$build/tools"
  cp -a "$from/usr/lib/linux-kbuild-$common/scripts" "$from/usr/lib/linux-kbuild-$common/tools" "$build"
  (cd "$from/usr/src/linux-headers-$k" && find . -type f ! -path ./Makefile | cpio -pdm --quiet "$build")
  ln -s "../lib/modules/$k/build" "$dir/usr/src/$name"
  find "$build" -xtype l -delete
  pack "$name-headers" "$version" x86_64 "$dir" depend=gcc depend=make
}

cloud=$(newest '6\.12\.[0-9]+[+]deb13-cloud-amd64' 2)
full=$(newest '6\.12\.[0-9]+[+]deb13-amd64' 2)
for k in $cloud; do kernel linux "${k%%+*}.deb13-1" "$k"; done
for k in $full; do kernel linux-lts "${k%%+*}.deb13-1" "$k"; done
printf '%s\n' $cloud $full >/etc/test-kernels
rm -rf "$work"
