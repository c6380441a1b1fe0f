
settle() {
	is_there || return 0
	is_indexed || index
	refresh
}

case "$1" in
configure | abort-upgrade | abort-deconfigure | abort-remove) settle || : ;;
esac
exit 0
