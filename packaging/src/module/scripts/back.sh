
# What was there before, unless the kernel is gone or it is there again.
put_back() {
	for file in $(strangers "$aside"); do
		if is_there && [ ! -e "${file%"$aside"}" ]; then
			mv -f "$file" "${file%"$aside"}" || :
			continue
		fi
		rm -f "$file"
		above=${file%/*}
		while [ "$above" != "${tree%/*}" ] && rmdir "$above" 2>/dev/null; do above=${above%/*}; done
	done
}
