
unsettle() {
	put_back
	is_there || return 0
	index
	refresh --force
}

[ "$1" != 0 ] || unsettle || :
exit 0
