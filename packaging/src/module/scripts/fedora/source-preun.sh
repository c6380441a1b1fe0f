dkms remove -m "$name" -v "$version" -q --all --rpm_safe_upgrade || :
exit 0
