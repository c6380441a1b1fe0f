
# Whether a file was written after ours came or went. Archives set all times but the one that is asked for.
is_newer() {
	[ -f "$1" ] && older=$(find $placed -newercm "$1" 2>&1) && [ -z "$older" ]
}

index() {
	depmod "$kernel" || echo "$package: depmod $kernel failed; run it again" >&2
}

# The initramfs, where there is one and it is older than the modules, or by force where its writer had no index of them.
refresh() {
	[ "$initramfs" = yes ] || return 0
	for image in $images; do
		[ -f "$image" ] || continue
		[ "$1" != --force ] && is_newer "$image" && return 0
		write_image || echo "$package: $image could not be written anew; it is as it was" >&2
		return 0
	done
}

# The kernel's own package runs depmod, too, where both come together.
settle() {
	is_there || return 0
	if is_newer "$tree/modules.dep"; then
		refresh
	else
		index
		refresh --force
	fi
}

write_image() {
	if [ -e "/etc/mkinitcpio.d/$pkgbase.preset" ] && command -v mkinitcpio >/dev/null; then
		mkinitcpio -p "$pkgbase"
	elif [ "$image" = "/boot/initrd.img-$kernel" ] && command -v update-initramfs >/dev/null; then
		update-initramfs -u -k "$kernel"
	else
		dracut --force --kver "$kernel" "$image"
	fi
}
