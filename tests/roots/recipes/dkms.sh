# Debian's own dkms on the three kernels: the program whose results evermod's are compared with.
# parent: kernels
install dkms
