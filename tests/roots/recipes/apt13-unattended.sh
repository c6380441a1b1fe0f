# The same with what upgrades a Debian system while nobody is there.
# parent: apt13
install unattended-upgrades python3-apt
printf '%s\n' 'Unattended-Upgrade::Origins-Pattern { "origin=*"; };' >/etc/apt/apt.conf.d/52all
