# Debian's own dkms in the root of the corpus: the program whose results evermod's are compared with.
# parent: corpus
install dkms
