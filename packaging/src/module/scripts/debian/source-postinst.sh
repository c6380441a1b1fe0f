case "$1" in
configure)
	if [ -f /usr/lib/dkms/common.postinst ]; then
		/usr/lib/dkms/common.postinst "$name" "$version" "/usr/share/$package" '' "$2" ||
			echo "$package: not every kernel has $name now; dkms status says which" >&2
	fi
	;;
esac
exit 0
