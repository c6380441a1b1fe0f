# Debian 13's own dkms in the root of the sequences: the program whose answers evermod's are compared with.
# parent: oracle
install dkms
