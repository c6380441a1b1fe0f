
settle() {
	is_there || return 0
	is_indexed || index
	refresh
}

settle || :
exit 0
