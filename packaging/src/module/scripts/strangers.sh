
# Files of these modules that are no package's, with this suffix: another build put them there, and modprobe might take them.
strangers() {
	for directory in $directories; do
		for name in $names; do
			for end in .ko .ko.gz .ko.xz .ko.zst; do
				if [ -f "$tree/$directory/$name$end$1" ]; then echo "$tree/$directory/$name$end$1"; fi
			done
		done
	done
}
