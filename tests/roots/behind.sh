# A machine one kernel behind, for recipes that come after this.

# The meta packages of flavour $1 in their older version where the archive has two, else the older kernel.
# /etc/test-upgrade holds the apt-get arguments that bring the newer one, /etc/test-flavour what the meta packages are of.
# What brings it is downloaded, and so are the drivers that tests install.
one_kernel_behind() {
  local flavour=$1 older newer k
  echo "$flavour" >/etc/test-flavour
  apt-get -y -q full-upgrade
  older=$(apt-cache madison "linux-headers-$flavour" | awk '{print $3}' | sort -V | uniq | tail -n 2 | head -n 1)
  newer=$(apt-cache madison "linux-headers-$flavour" | awk '{print $3}' | sort -V | tail -n 1)
  if [ "$older" != "$newer" ]; then
    install "linux-image-$flavour=$older" "linux-headers-$flavour=$older"
    echo '-y full-upgrade' >/etc/test-upgrade
  else
    k=$(newest "6\.1\.0-[0-9]+-$flavour" 2 | head -n 1)
    install "linux-image-$k" "linux-headers-$k"
    echo "-y install linux-image-$flavour linux-headers-$flavour" >/etc/test-upgrade
  fi
  apt-get -q --download-only $(cat /etc/test-upgrade)
  apt-get -y -q --download-only install dkms acpi-call-dkms v4l2loopback-dkms
}
