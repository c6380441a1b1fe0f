# Debian 12, one kernel behind; /etc/test-jump holds the apt-get arguments that bring a kernel of the next series.
# All it needs later is downloaded here.
# parent: base
# with: behind.sh
one_kernel_behind amd64
next=$(newest '6\.[0-9]+\.[0-9]+[+]deb12-amd64')
echo "-y install linux-image-$next linux-headers-$next" >/etc/test-jump
apt-get -q --download-only $(cat /etc/test-jump)
