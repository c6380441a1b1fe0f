# The three kernels, and what the corpus' drivers ask for beside the compiler.
# parent: kernels
install libxtables-dev pkg-config autoconf automake libtool gawk file python3-distutils libelf-dev dpkg-dev \
  lsb-release bzip2
