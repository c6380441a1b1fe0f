case "$1" in
remove | upgrade | deconfigure)
	if [ "$(dkms status -m "$name" -v "$version" 2>/dev/null)" ]; then
		dkms remove -m "$name" -v "$version" --all || :
	fi
	;;
esac
exit 0
