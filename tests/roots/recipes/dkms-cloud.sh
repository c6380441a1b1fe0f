# Debian's own dkms beside kernels that lack what some drivers need.
# parent: cloud
install dkms
