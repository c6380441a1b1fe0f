//! A system of rpms (`tests/roots/recipes/dnf.sh`, `dnf5.sh`) with evermod's package, and what tests ask of it.

use anyhow::{Context as _, Result, ensure};

use crate::roots::{self, Entry, Output, Overlay, newest_package};
use crate::{skip, top};

/// The system under test.
#[derive(Debug)]
pub struct Machine {
    /// The root, offline.
    pub root: Overlay,
    /// The program that manages packages: `dnf`, `dnf5`, `zypper`.
    pub manager: &'static str,
    /// The release of the older kernel, as the manager's distribution names it.
    pub old: String,
    /// The release of the newer one.
    pub new: String,
}

/// Repositories behind http, so that packages are downloaded, and a record of each run of dracut.
const PREPARE: &str = r#"
python3 - <<'P'
import fcntl, socket, struct
s = socket.socket()
flags = struct.unpack("16sh", fcntl.ioctl(s, 0x8913, struct.pack("16sh", b"lo", 0)))[1]
fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", flags | 1))
P
cd /srv
setsid python3 -m http.server 8000 >/dev/null 2>&1 </dev/null &
sed -i s,file:///srv,http://127.0.0.1:8000, /etc/yum.repos.d/fedora.repo
[ ! -e /etc/zypp/repos.d/suse.repo ] || sed -i s,file:///srv,http://127.0.0.1:8000, /etc/zypp/repos.d/suse.repo
echo '[ "${0##*/}" != dracut ] || echo run >>/var/log/dracut-runs' >/etc/dracut.conf.d/count.conf
: >/var/log/dracut-runs
for _ in $(seq 50); do
  if curl -fsS http://127.0.0.1:8000/ >/dev/null 2>&1; then exit 0; fi
  sleep 0.1
done
exit 1
"#;

impl Machine {
    /// Opens the root of a manager and installs evermod. `None` where its package has not been made.
    ///
    /// # Errors
    /// Fails where the root cannot be opened or the package not be installed.
    pub fn new(manager: &'static str) -> Result<Option<Self>> {
        let Some(package) = newest_package("evermod-", ".x86_64.rpm")? else {
            skip::report("target/dist has no evermod rpm: run make rpm");
            return Ok(None);
        };
        let root = Entry::new(if manager == "dnf5" { "dnf5" } else { "dnf" }).open()?;
        root.sh(PREPARE)?.ok()?;
        root.copy_in(&package, "/tmp/evermod.rpm")?;
        // What it requires came with Debian's packages, of which rpm knows nothing.
        root.sh("rpm -U --nodeps /tmp/evermod.rpm")?.ok()?;
        if manager == "dnf" {
            // Debian's Python has another place for packages than Fedora's, which our package is made for.
            root.sh("mkdir -p /usr/lib/python3/dist-packages/dnf-plugins")?.ok()?;
            let plugin = top().join("dnf-plugin/dnf4/evermod.py");
            root.copy_in(&plugin, "/usr/lib/python3/dist-packages/dnf-plugins/evermod.py")?;
        }
        let list = if manager == "zypper" { "/etc/test-suse" } else { "/etc/test-kernels" };
        let kernels: Vec<String> = root.read(list)?.lines().map(str::to_owned).collect();
        let (old, new) = (kernels.first().context("no kernel")?, kernels.last().context("no kernel")?);
        Ok(Some(Self { old: old.clone(), new: new.clone(), root, manager }))
    }

    /// Runs the manager without questions.
    ///
    /// # Errors
    /// Fails where it cannot be started, not where it fails.
    pub fn run(&self, arguments: &str) -> Result<Output> {
        let options = if self.manager == "zypper" { "-n --no-gpg-checks" } else { "-y" };
        self.root.sh(&format!("{} {options} {arguments}", self.manager))
    }

    /// Runs the manager, which must succeed and leave a consistent database.
    ///
    /// # Errors
    /// Fails where it does not.
    pub fn ok(&self, arguments: &str) -> Result<Output> {
        let output = self.run(arguments)?.ok().with_context(|| format!("{} {arguments}", self.manager))?;
        let twice = self.root.sh("rpm -qa | sort | uniq -d")?.ok()?.stdout;
        ensure!(twice.is_empty(), "twice in the database: {twice}");
        Ok(output)
    }

    /// The packages of a kernel: image, modules, headers.
    #[must_use]
    pub fn packages(&self, kernel: &str) -> String {
        let version = kernel.trim_end_matches(".x86_64");
        format!("kernel-{version} kernel-devel-matched-{version}")
    }

    /// Fails unless the module is there for the kernel: signed, built for it, known to depmod.
    ///
    /// # Errors
    /// What is wrong.
    pub fn has(&self, module: &str, kernel: &str) -> Result<()> {
        let field = |f: &str| self.root.run(&["modinfo", "-k", kernel, "-F", f, module])?.ok();
        let place = field("filename")?.stdout;
        ensure!(place.contains(kernel), "{module} for {kernel} is taken from {place}");
        ensure!(field("vermagic")?.stdout.starts_with(&format!("{kernel} ")), "{module}: another kernel's");
        ensure!(!field("signer")?.stdout.trim().is_empty(), "{module} for {kernel} is not signed");
        Ok(())
    }

    /// Fails if the kernel has the module.
    ///
    /// # Errors
    /// Where it is.
    pub fn lacks(&self, module: &str, kernel: &str) -> Result<()> {
        let found = self.root.sh(&format!("find /lib/modules/{kernel}/ -name '{module}.ko*'"))?;
        ensure!(found.stdout.is_empty(), "still there: {}", found.stdout);
        Ok(())
    }

    /// Fails unless the kernel's initramfs has the very file that is installed.
    ///
    /// # Errors
    /// What is wrong.
    pub fn initramfs_has(&self, module: &str, kernel: &str) -> Result<()> {
        let script = format!(
            "set -e; image=$(ls /boot/*/{kernel}/initrd /boot/initramfs-{kernel}.img /boot/initrd-{kernel} 2>/dev/null || :); \
             test \"$(echo \"$image\" | wc -w)\" = 1; d=$(mktemp -d); cd $d; lsinitrd --unpack $image || :; \
             plain() {{ case $1 in *.xz) xz -dc $1;; *.zst) zstd -qdc $1;; *) cat $1;; esac; }}; \
             plain $(find $d -name '{module}.ko*') >a; plain $(modinfo -k {kernel} -F filename {module}) >b; \
             test -s a; cmp a b"
        );
        self.root.sh(&script)?.ok().with_context(|| format!("{module} in the initramfs of {kernel}"))?;
        Ok(())
    }

    /// How often dracut has run since this was asked last.
    ///
    /// # Errors
    /// Fails where the record cannot be read.
    pub fn initramfs_runs(&self) -> Result<usize> {
        let runs = self.root.read("/var/log/dracut-runs")?.lines().count();
        self.root.sh(": >/var/log/dracut-runs")?.ok()?;
        Ok(runs)
    }

    /// `dkms status`.
    ///
    /// # Errors
    /// Fails where that does.
    pub fn status(&self) -> Result<String> {
        Ok(self.root.run(&["dkms", "status"])?.ok()?.stdout)
    }

    /// All that a transaction may change: rpm's database byte by byte, kernels, modules, sources, images.
    ///
    /// # Errors
    /// Fails where it cannot be read.
    pub fn fingerprint(&self) -> Result<String> {
        let script = "set -e; rpm -qa --qf '%{nvra} %{sha256header} %{installtid}\\n' | sort; \
                      sha256sum $(rpm -E %_dbpath)/rpmdb.sqlite; \
                      find /lib/modules/ /usr/src /boot /var/lib/dkms -printf '%p %s %T@ %l\\n' | sort; \
                      find /lib/modules/ /boot /var/lib/dkms -type f -exec sha256sum {} + | sort";
        roots::whole(self.root.sh(script)?.ok()?.stdout)
    }

    /// Writes `/etc/evermod/evermod.toml`.
    ///
    /// # Errors
    /// Fails where that does.
    pub fn settings(&self, text: &str) -> Result<()> {
        fs_err::create_dir_all(self.root.path("/etc/evermod"))?;
        fs_err::write(self.root.path("/etc/evermod/evermod.toml"), text)?;
        Ok(())
    }
}
