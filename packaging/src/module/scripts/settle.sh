
# Whether depmod has run since the files came, as it does where the kernel comes with them.
is_indexed() {
	[ -e "$tree/modules.dep" ] && newer=$(find $files -newercm "$tree/modules.dep" 2>&1) && [ -z "$newer" ]
}

index() {
	depmod "$kernel" || echo "$package: depmod $kernel failed; run it again" >&2
}

# Where there is one, and it is older than the index: its writer has not seen these modules.
refresh() {
	[ "$initramfs" = yes ] || return 0
	for image in $images; do
		[ -f "$image" ] || continue
		[ "$image" -nt "$tree/modules.dep" ] && return 0
		write_image || echo "$package: $image could not be written anew; it is as it was" >&2
		return 0
	done
}

write_image() {
	if [ -e "/etc/mkinitcpio.d/$pkgbase.preset" ] && command -v mkinitcpio >/dev/null; then
		mkinitcpio -p "$pkgbase"
	elif command -v update-initramfs >/dev/null; then
		update-initramfs -u -k "$kernel"
	else
		dracut --force --kver "$kernel" "$image"
	fi
}
