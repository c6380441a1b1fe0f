//! Debian's own kernels, under UEFI Secure Boot, judge the modules: they load what was built, signed and installed in
//! the root, with the certificate enrolled, and refuse every other copy for the right reason.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use evermod_tests::roots::Overlay;
use evermod_tests::{need, signature, skip, top};

/// Owner named in the signature list; any will do.
const OWNER: &str = "605dab50-e046-4300-abb6-3dd810dd8b23";

#[test]
fn a_kernel_under_secure_boot_takes_our_module_and_no_other() -> Result<()> {
    need!("qemu-system-x86_64", "openssl", "python3");
    let Some(firmware) = firmware()? else {
        skip::report("virt-firmware could not be had from PyPI");
        return Ok(());
    };
    let Some(root) = Overlay::with_evermod("secureboot")? else {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(());
    };
    root.copy_in(&top().join("tests/modules/hello-1.0"), "/usr/src/hello-1.0")?;
    root.run(&["dkms", "add", "hello/1.0"])?.ok()?;
    for kernel in root.kernels()? {
        root.run(&["dkms", "install", "hello/1.0", "-k", &kernel])?.ok()?;
    }
    let place = tempfile::tempdir()?;
    let bench = Bench { root: &root, firmware, place: place.path() };
    let mut logs = Vec::new();
    for kernel in root.kernels()? {
        let log = bench.boot(&kernel, true)?;
        bench.accepted(&kernel, &log)?;
        logs.push(log);
    }
    // The test's own test: without the certificate the same copy is refused.
    let kernel = root.kernels()?.pop().context("a kernel")?;
    let log = bench.boot(&kernel, false)?;
    expect(&log, "guest: modprobe refused", "unavailable key")
}

/// Path of virt-fw-vars, where it can be had.
fn firmware() -> Result<Option<PathBuf>> {
    let output = Command::new(top().join("tests/secureboot/firmware.sh")).output()?;
    let path = String::from_utf8(output.stdout)?;
    Ok(output.status.success().then(|| PathBuf::from(path.trim())))
}

struct Bench<'a> {
    root: &'a Overlay,
    firmware: PathBuf,
    place: &'a Path,
}

impl Bench<'_> {
    /// Boots a kernel with our module installed and other copies beside it; returns what the guest said.
    fn boot(&self, kernel: &str, enrolled: bool) -> Result<String> {
        let guest = self.place.join("guest");
        self.guest(kernel, &guest)?;
        self.root.sh("rm -rf /guest")?.ok()?;
        self.root.copy_in(&guest, "/guest")?;
        self.root.copy_in(&top().join("tests/secureboot/image.sh"), "/tmp/image.sh")?;
        self.root.run(&["/tmp/image.sh", kernel, "/tmp/disk.img"])?.ok()?;
        let disk = self.place.join("disk.img");
        self.root.copy_out("/tmp/disk.img", &disk)?;

        let ovmf = "/opt/secureboot/usr/share/OVMF";
        let (code, blank) = (self.place.join("code.fd"), self.place.join("blank.fd"));
        self.root.copy_out(&format!("{ovmf}/OVMF_CODE_4M.fd"), &code)?;
        self.root.copy_out(&format!("{ovmf}/OVMF_VARS_4M.ms.fd"), &blank)?;
        let vars = self.place.join("vars.fd");
        let mut command = Command::new(&self.firmware);
        command.args(["-l", "ERROR", "--sb", "-i"]).arg(&blank).arg("-o").arg(&vars);
        if enrolled {
            command.args(["--add-mok", OWNER]).arg(self.certificate()?);
        }
        let output = command.output().context("virt-fw-vars")?;
        ensure!(output.status.success(), "virt-fw-vars: {}", String::from_utf8_lossy(&output.stderr));

        let log = self.place.join("serial.log");
        let output = Command::new(top().join("tests/secureboot/boot.sh"))
            .args([&disk, &code, &vars, &log])
            .output()
            .context("boot.sh")?;
        let said = String::from_utf8_lossy(&fs_err::read(&log)?).replace('\r', "");
        ensure!(
            said.contains("guest: end"),
            "{kernel} did not come to its end (boot.sh: {})\n{}\n{said}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(said)
    }

    /// The certificate as PEM, which is what virt-fw-vars reads.
    fn certificate(&self) -> Result<PathBuf> {
        let (der, pem) = (self.place.join("mok.der"), self.place.join("mok.pem"));
        self.root.copy_out("/var/lib/dkms/mok.pub", &der)?;
        openssl(&["x509", "-inform", "DER", "-in"], &[&der, Path::new("-out"), &pem])?;
        Ok(pem)
    }

    /// Fills a directory with the guest's first process and the copies that must be refused.
    fn guest(&self, kernel: &str, guest: &Path) -> Result<()> {
        fs_err::create_dir_all(guest)?;
        fs_err::copy(top().join("tests/secureboot/init"), guest.join("init"))?;
        let installed = format!("/lib/modules/{kernel}/updates/dkms/hello.ko");
        let plain = "case $(ls \"$0\"*) in *.xz) xz -dc \"$0.xz\" ;; *) cat \"$0\" ;; esac >/tmp/signed.ko";
        self.root.run(&["bash", "-c", plain, &installed])?.ok()?;
        let signed = self.place.join("signed.ko");
        self.root.copy_out("/tmp/signed.ko", &signed)?;
        let signed = fs_err::read(signed)?;
        let (payload, _) = signature::split(&signed).context("the installed module")?;
        fs_err::write(guest.join("unsigned.ko"), payload)?;

        let mut tampered = signed.clone();
        let needle = b"evermod-hello";
        let at = tampered.windows(needle.len()).position(|w| w == needle).context("the module's message")?;
        tampered[at] ^= 1;
        fs_err::write(guest.join("tampered.ko"), tampered)?;

        let (key, certificate) = (self.place.join("other.key"), self.place.join("other.pem"));
        if !key.exists() {
            let new = ["req", "-new", "-x509", "-nodes", "-sha256", "-days", "30", "-newkey", "rsa:2048"];
            openssl(
                &[&new[..], &["-subj", "/CN=a stranger", "-keyout"]].concat(),
                &[&key, Path::new("-out"), &certificate],
            )?;
        }
        let foreign = guest.join("foreign.ko");
        signature::sign(&guest.join("unsigned.ko"), &key, &certificate, &foreign)?;
        Ok(fs_err::remove_file(foreign.with_extension("p7"))?)
    }

    fn accepted(&self, kernel: &str, log: &str) -> Result<()> {
        let _ = self;
        expect(log, "guest: kernel", kernel)?;
        expect(log, "guest: lockdown", "[integrity]")?;
        // O: out of tree. With E beside it the signature was not trusted.
        expect(log, "guest: modprobe loaded", "taint=O version=1.0")?;
        expect(log, "guest: modprobe loaded", &format!("from=/lib/modules/{kernel}/updates/dkms/hello.ko"))?;
        expect(log, "guest: rmmod", "done")?;
        expect(log, "guest: unsigned.ko refused", "Loading of unsigned module is rejected")?;
        expect(log, "guest: foreign.ko refused", "Loading of module with unavailable key is rejected")?;
        expect(log, "guest: tampered.ko refused", "Key was rejected by service")?;
        // The kernel gives no reason where a trusted key's signature does not fit.
        if line(log, "guest: tampered.ko refused")?.contains("Loading of") {
            bail!("the tampered copy was refused for another reason:\n{log}");
        }
        Ok(())
    }
}

fn line<'a>(log: &'a str, start: &str) -> Result<&'a str> {
    // The kernel's own messages may stand before ours on a line.
    log.lines()
        .find_map(|l| l.find(start).map(|at| &l[at..]))
        .with_context(|| format!("the guest did not say '{start}':\n{log}"))
}

fn expect(log: &str, start: &str, part: &str) -> Result<()> {
    ensure!(line(log, start)?.contains(part), "'{start}' without '{part}':\n{log}");
    Ok(())
}

fn openssl(words: &[&str], paths: &[&Path]) -> Result<()> {
    let output = Command::new("openssl").args(words).args(paths).output().context("openssl")?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
