# Debian's dkms, and a way to count the processes of a program: where `make bench` compares evermod with it.
# parent: dkms
install strace
