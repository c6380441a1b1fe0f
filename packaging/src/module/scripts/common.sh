is_there() {
	[ -e "$tree/modules.builtin" ] || [ -d "$tree/kernel" ]
}
