# Debian 12 with what builds modules and looks into packages, and without any kernel: the headers of three kernels, and the image
# of one, only lie in /srv/headers as package files.
# parent: base
install libelf1 libssl3 pahole libxtables-dev pkg-config autoconf automake libtool gawk file bzip2 \
  rpm libarchive-tools faketime
{
  newest '6\.1\.0-[0-9]+-amd64' 2
  newest '6\.[0-9]+\.[0-9]+[+]deb12-amd64'
} >/etc/test-kernels
mkdir /srv/headers
take() {
  apt-get install -y -q --no-install-recommends --download-only "$@"
  for package in "$@"; do cp "$(ls -t /var/cache/apt/archives/"$package"_*.deb | head -1)" /srv/headers; done
}
for k in $(cat /etc/test-kernels); do
  version=${k%-amd64}
  take "linux-headers-$k" "linux-headers-$version-common" "linux-kbuild-${version%.0-*}"
done
take "linux-image-$(sed -n 2p /etc/test-kernels)"
chmod 755 /srv/headers
