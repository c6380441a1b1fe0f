# Runs once in the root: what the cases share. The cases' own writes vanish.
set -eu
{ read -r K1; read -r K2; } </etc/test-kernels
# One module of our own, really compiled for both kernels; most cases copy it instead of compiling again.
mkdir -p /srv/ko
for kernel in "$K1" "$K2"; do
  cp -r /srv/modules/hello-1.0 /tmp/hello
  make -s -C "/lib/modules/$kernel/build" M=/tmp/hello modules >/dev/null
  cp /tmp/hello/hello.ko "/srv/ko/$kernel.ko"
  rm -r /tmp/hello
done
# Making a key takes a while.
dkms generate_mok >/dev/null
useradd --create-home --shell /bin/bash somebody
