# Debian 13 with the programs that write packages and repositories: where `make bench` compares evermod with them.
# parent: trixie
install dpkg-dev apt-utils rpm createrepo-c strace
