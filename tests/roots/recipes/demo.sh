# A machine one kernel behind: the meta packages in their older version where the archive has two, else the older kernel.
# /etc/test-upgrade holds the apt-get arguments that bring the newer one, /etc/test-flavour what the meta packages are of.
# All it needs later is downloaded here.
# parent: base
echo amd64 >/etc/test-flavour
apt-get -y -q full-upgrade
older=$(apt-cache madison linux-headers-amd64 | awk '{print $3}' | sort -V | uniq | tail -n 2 | head -n 1)
newer=$(apt-cache madison linux-headers-amd64 | awk '{print $3}' | sort -V | tail -n 1)
if [ "$older" != "$newer" ]; then
  install linux-image-amd64="$older" linux-headers-amd64="$older"
  echo '-y full-upgrade' >/etc/test-upgrade
else
  k=$(newest '6\.1\.0-[0-9]+-amd64' 2 | head -n 1)
  install "linux-image-$k" "linux-headers-$k"
  echo '-y install linux-image-amd64 linux-headers-amd64' >/etc/test-upgrade
fi
next=$(newest '6\.[0-9]+\.[0-9]+[+]deb12-amd64')
echo "-y install linux-image-$next linux-headers-$next" >/etc/test-jump
# Downloads only: the real steps then work without the network.
apt-get -q --download-only $(cat /etc/test-upgrade)
apt-get -q --download-only $(cat /etc/test-jump)
apt-get -y -q --download-only install dkms acpi-call-dkms v4l2loopback-dkms
