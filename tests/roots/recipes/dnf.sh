# Debian 13 as a system of rpms: dnf 4, zypper, kernel-install with dracut, boot entries as systemd-boot has them.
# Two kernels in the repositories below /srv, none installed: /etc/test-kernels has their releases, /etc/test-suse as SUSE's.
# parent: trixie
# with: rpms.sh
install dnf rpm createrepo-c zypper dracut dracut-core systemd systemd-boot-tools curl
rpm_start
libmodules=/lib/modules
for old in $(newest '6\.[0-9]+\.[0-9]+[+]deb13-amd64' 2); do
  version=${old%%+*}
  new=$version-1.deb13.x86_64
  unpack_kernel "$old" "$new"
  fedora_kernel "$version" 1.deb13
  suse_kernel "$version" 1.deb13
  echo "$new" >>/etc/test-kernels
  echo "$version-1-default" >>/etc/test-suse
done
module_packages
rpm_end
printf 'layout=bls\ninitrd_generator=dracut\n' >/etc/kernel/install.conf
mkdir -p "/boot/$(cat /etc/machine-id)" /boot/loader/entries
