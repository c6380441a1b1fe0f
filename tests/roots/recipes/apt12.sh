# Debian 12, one kernel behind, with the flavour for virtual machines: it has a fourth of the modules, each of which is
# unpacked with every kernel and read by every depmod.
# parent: base
# with: behind.sh
one_kernel_behind cloud-amd64
