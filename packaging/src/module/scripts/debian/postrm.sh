
# The kernel is about to be removed, too.
is_going() {
	wants=$(dpkg-query -W -f ' ${db:Status-Want} ' $kernel_packages 2>/dev/null)
	case $wants in
	*' install '* | *' hold '*) return 1 ;;
	*' deinstall '* | *' purge '*) return 0 ;;
	esac
	return 1
}

unsettle() {
	put_back
	is_there || return 0
	is_going && return 0
	index
	refresh --force
}

case "$1" in
remove | disappear | abort-install) unsettle || : ;;
esac
exit 0
