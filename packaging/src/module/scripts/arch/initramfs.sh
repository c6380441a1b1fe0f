
# By this package's hook, after 60-depmod; 90-mkinitcpio-install has done it already where the kernel came along.
is_there && refresh || :
exit 0
