# A machine that Debian's dkms has served: nine drivers, built by it for the two kernels of Debian 12. Downloaded, for the
# test to bring: a kernel for which they all build (the newest of the two, for real time), and one too new for some.
# Of tp-smapi's modules one is left out there, since the kernel has its own.
# parent: dkms
next=$(tail -n 1 /etc/test-kernels)
DEBIAN_FRONTEND=noninteractive apt-get -y -q purge "linux-image-$next" "linux-headers-$next"
sed -i '$d' /etc/test-kernels
rt=$(newest '6\.1\.0-[0-9]+-rt-amd64')
for kernel in "$rt" "$next"; do
  echo "$kernel linux-image-$kernel linux-headers-$kernel"
done >/etc/test-coming
apt-get -y -q --download-only --no-install-recommends install $(cut -d ' ' -f 2- /etc/test-coming)
apt-get -y -q --download-only --reinstall --no-install-recommends install dkms
install acpi-call-dkms bbswitch-dkms ddcci-dkms digimend-dkms dpdk-kmods-dkms nat-rtsp-dkms tp-smapi-dkms \
  v4l2loopback-dkms vpoll-dkms
