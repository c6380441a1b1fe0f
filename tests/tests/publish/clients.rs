//! apt, dnf and pacman with a repository that a web server hands out: they install, update, and refuse what was tampered
//! with.

use anyhow::{Context as _, Result, ensure};
use evermod_packaging::repository::rpm_md::Repomd;
use evermod_tests::debian_reader::debian_reader;
use evermod_tests::http::{self, Server};
use evermod_tests::need;
use evermod_tests::roots::Overlay;
use fs_err as fs;
use std::path::Path;

use super::{FINGERPRINT, Publisher};

/// What of the output a client copies: from the first line that is a comment with this file's name.
fn stanza(output: &str, file: &str) -> Result<String> {
    let start = output.find(&format!("# {file}")).with_context(|| format!("no {file} in {output}"))?;
    let text = &output[start..];
    Ok(text.split("\n\n").next().unwrap_or_default().to_owned() + "\n")
}

/// The repository as it is on the host, in the root.
fn bring(root: &Overlay, repo: &Path) -> Result<()> {
    root.sh("rm -rf /srv/repo; mkdir -p /srv")?.ok()?;
    root.copy_in(repo, "/srv/repo")?;
    root.sh("chmod -R a+rX /srv/repo")?.ok()?;
    Ok(())
}

/// Changes one byte in the middle of a file.
fn tamper(root: &Overlay, file: &str) -> Result<()> {
    let script = format!(
        "f=$(ls -d {file} | head -n 1); cp -a \"$f\" /tmp/whole; n=$(($(stat -c %s \"$f\") / 2)); \
         b=$(tail -c +$((n + 1)) \"$f\" | head -c 1 | od -An -tu1); \
         printf \"\\\\x$(printf %x $(((b + 1) % 256)))\" | dd of=\"$f\" bs=1 seek=$n conv=notrunc status=none; ! cmp -s \"$f\" /tmp/whole"
    );
    root.sh(&script)?.ok().with_context(|| file.to_owned())?;
    Ok(())
}

fn version_of(root: &Overlay, name: &str) -> Result<String> {
    root.read(&format!("/usr/share/{name}/version"))
}

#[test]
fn apt_12() -> Result<()> {
    apt("base")
}

#[test]
fn apt_13() -> Result<()> {
    apt("trixie")
}

/// Not a client, but a library that reads repositories: from InRelease to each file, with all sizes and digests.
#[test]
fn another_library_reads_the_repository() -> Result<()> {
    need!();
    let Some(publisher) = Publisher::new()? else { return Ok(()) };
    let repo = publisher.path("vendor");
    let first = [publisher.package("deb", "driver", "1.0")?, publisher.package("deb", "other", "1.0")?];
    publisher.publish_signed(&repo, &first, &[])?;
    publisher.publish_signed(&repo, &[publisher.package("deb", "driver", "2.0")?], &[])?;
    let read = || debian_reader(&[repo.as_os_str(), "stable".as_ref()]);
    let Some(found) = read()? else { return Ok(()) };
    let mut lines: Vec<&str> = found.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["driver 1.0-1 amd64", "driver 2.0-1 amd64", "other 1.0-1 amd64"]);
    let file = repo.join("pool/main/o/other/other_1.0-1_amd64.deb");
    let mut bytes = fs::read(&file)?;
    bytes[100] ^= 1;
    fs::write(&file, bytes)?;
    ensure!(read().is_err(), "a package that was altered is read");
    Ok(())
}

fn apt(root: &str) -> Result<()> {
    need!();
    let Some(publisher) = Publisher::new()? else { return Ok(()) };
    let repo = publisher.path("vendor");
    let first = [publisher.package("deb", "driver", "1.0")?, publisher.package("deb", "other", "1.0")?];
    let output = publisher.publish_signed(&repo, &first, &["--url", http::URL, "--origin", "A Vendor"])?;
    let root = Overlay::new(root)?;
    bring(&root, &repo)?;
    let _server = Server::new(&root, "/srv/repo")?;
    let sources = stanza(&output, "/etc/apt/sources.list.d/vendor.sources")?;
    fs::write(publisher.path("sources"), &sources)?;
    root.sh("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*; mkdir -p /etc/apt/keyrings; \
             cp /srv/repo/key.asc /etc/apt/keyrings/vendor.asc; \
             echo 'Acquire::http::Proxy::127.0.0.1 \"DIRECT\";' >/etc/apt/apt.conf.d/80vendor")?.ok()?;
    root.copy_in(&publisher.path("sources"), "/etc/apt/sources.list.d/vendor.sources")?;
    let update = || -> Result<_> {
        let output = root.sh("apt-get -q update -o APT::Update::Error-Mode=any")?;
        Ok(output)
    };
    let updated = update()?.ok()?;
    ensure!(!updated.all().contains("W:") && !updated.all().contains("N:"), "{}", updated.all());
    let policy = root.sh("apt-cache policy driver; apt-cache show driver")?.ok()?.stdout;
    ensure!(
        policy.contains("o=A Vendor") || root.sh("apt-cache policy")?.ok()?.stdout.contains("o=A Vendor"),
        "{policy}"
    );
    ensure!(policy.contains("in several lines."), "the long description is there: {policy}");
    root.sh("apt-get -q -y install driver")?.ok()?;
    ensure!(version_of(&root, "driver")? == "1.0");

    publisher.publish_signed(&repo, &[publisher.package("deb", "driver", "2.0")?], &[])?;
    bring(&root, &repo)?;
    update()?.ok()?;
    root.sh("apt-get -q -y upgrade")?.ok()?;
    ensure!(version_of(&root, "driver")? == "2.0");

    // A package, each form of an index, and what is signed.
    tamper(&root, "/srv/repo/pool/main/o/other/other_1.0-1_amd64.deb")?;
    let refused = root.sh("apt-get -q -y install other")?;
    ensure!(refused.status != 0 && !root.exists("/usr/share/other")?, "{}", refused.all());
    for (file, why) in [
        ("/srv/repo/dists/stable/InRelease", "signature"),
        ("/srv/repo/dists/stable/main/binary-amd64/Packages*", ""),
    ] {
        bring(&root, &repo)?;
        root.sh("rm -rf /var/lib/apt/lists/*")?.ok()?;
        if why.is_empty() {
            root.sh("for f in /srv/repo/dists/stable/main/binary-amd64/by-hash/SHA256/* /srv/repo/dists/stable/main/*/Packages*; do \
                     printf x | dd of=$f bs=1 seek=40 conv=notrunc status=none; done")?.ok()?;
        } else {
            tamper(&root, file)?;
        }
        let refused = update()?;
        ensure!(refused.status != 0, "{file}: {}", refused.all());
        ensure!(refused.all().to_lowercase().contains(why), "{}", refused.all());
        let known = root.sh("apt-cache show other")?;
        ensure!(known.status != 0, "{file}: nothing of it is believed: {}", known.all());
    }
    // Without InRelease, as old clients and mirrors have it.
    bring(&root, &repo)?;
    root.sh("rm -rf /var/lib/apt/lists/* /srv/repo/dists/stable/InRelease")?.ok()?;
    update()?.ok()?;
    root.sh("apt-get -q -y install other")?.ok()?;
    Ok(())
}

#[test]
fn dnf_4() -> Result<()> {
    dnf("dnf", "dnf")
}

#[test]
fn dnf_5() -> Result<()> {
    dnf("dnf5", "dnf5")
}

fn dnf(root: &str, dnf: &str) -> Result<()> {
    need!();
    let Some(publisher) = Publisher::new()? else { return Ok(()) };
    let repo = publisher.path("vendor");
    let first = [publisher.package("rpm", "driver", "1.0")?, publisher.package("rpm", "other", "1.0")?];
    let before = fs::read(&first[0])?;
    let output = publisher.publish_signed(&repo, &first, &["--url", http::URL])?;
    ensure!(fs::read(&first[0])? == before, "what was handed in stays as it is");
    let root = Overlay::new(root)?;
    bring(&root, &repo)?;
    let _server = Server::new(&root, "/srv/repo")?;
    fs::write(publisher.path("vendor.repo"), stanza(&output, "/etc/yum.repos.d/vendor.repo")?)?;
    root.copy_in(&publisher.path("vendor.repo"), "/etc/yum.repos.d/vendor.repo")?;
    let run = |words: &str| root.sh(&format!("{dnf} -y --setopt=metadata_expire=0 --repo=vendor {words}"));

    // rpm says of the package what it says of a distribution's.
    let package = "/srv/repo/Packages/d/driver-1.0-1.x86_64.rpm";
    let unknown = root.run(&["rpm", "-K", package])?;
    ensure!(unknown.status != 0, "the key is not known yet: {}", unknown.all());
    run("install driver")?.ok()?;
    ensure!(version_of(&root, "driver")? == "1.0");
    let known = root.sh(&format!("rpmkeys --import /srv/repo/key.asc; rpm -K {package}"))?.ok()?.all();
    ensure!(known.contains("digests signatures OK"), "{known}");
    let listed = run("repoquery -l driver")?.ok()?.stdout;
    ensure!(listed.contains("/usr/share/driver/version"), "{listed}");

    publisher.publish_signed(&repo, &[publisher.package("rpm", "driver", "2.0")?], &[])?;
    bring(&root, &repo)?;
    run("--refresh upgrade")?.ok()?;
    ensure!(version_of(&root, "driver")? == "2.0");

    tamper(&root, "/srv/repo/Packages/o/other-1.0-1.x86_64.rpm")?;
    let refused = run("install other")?;
    ensure!(refused.status != 0 && !root.exists("/usr/share/other")?, "{}", refused.all());
    // Lists of the index before are still there: it has to be the one that counts.
    let repomd = Repomd::parse(&fs::read_to_string(repo.join("repodata/repomd.xml"))?)?;
    let primary = repomd.list("primary").context("no primary")?.name.clone();
    for file in ["repomd.xml", "repomd.xml.asc", &primary] {
        bring(&root, &repo)?;
        root.sh(&format!("{dnf} clean all"))?.ok()?;
        tamper(&root, &format!("/srv/repo/repodata/{file}"))?;
        let refused = run("install other")?;
        ensure!(refused.status != 0 && !root.exists("/usr/share/other")?, "{file}: {}", refused.all());
    }
    bring(&root, &repo)?;
    root.sh(&format!("{dnf} clean all"))?.ok()?;
    run("install other")?.ok()?;
    run("remove other driver")?.ok()?;
    Ok(())
}

#[test]
fn pacman() -> Result<()> {
    need!();
    let Some(publisher) = Publisher::new()? else { return Ok(()) };
    let repo = publisher.path("vendor");
    let first = [publisher.package("arch", "driver", "1.0")?, publisher.package("arch", "other", "1.0")?];
    let output = publisher.publish_signed(&repo, &first, &["--url", http::URL])?;
    let root = Overlay::new("managers")?;
    bring(&root, &repo)?;
    let _server = Server::new(&root, "/srv/repo")?;
    let conf = format!(
        "[options]\nArchitecture = x86_64\nGPGDir = /etc/pacman.d/gnupg\n{}",
        stanza(&output, "/etc/pacman.conf")?
    );
    fs::write(publisher.path("pacman.conf"), conf)?;
    root.copy_in(&publisher.path("pacman.conf"), "/etc/pacman.conf")?;
    // What pacman-key does.
    root.sh(&format!(
        "mkdir -p /var/lib/pacman /etc/pacman.d/gnupg && chmod 700 /etc/pacman.d/gnupg && cd /etc/pacman.d/gnupg && \
         gpg --homedir . --batch --quiet --import /srv/repo/key.asc && \
         echo {FINGERPRINT}:6: | gpg --homedir . --batch --quiet --import-ownertrust"
    ))?
    .ok()?;
    let run = |words: &str| root.sh(&format!("pacman --noconfirm {words}"));
    run("-Sy")?.ok()?;
    run("-S driver")?.ok()?;
    ensure!(version_of(&root, "driver")? == "1.0");
    let shown = run("-Si driver")?.ok()?.stdout;
    ensure!(shown.contains("SHA-256 Sum") && shown.contains("A driver"), "{shown}");
    run("-Fy")?.ok()?;
    let found = run("-F usr/share/driver/version")?.ok()?.stdout;
    ensure!(found.contains("vendor/driver 1.0-1"), "{found}");

    let output = publisher.publish_signed(&repo, &[publisher.package("arch", "driver", "2.0")?], &[])?;
    ensure!(output.contains("driver 2.0-1 takes the place of 1.0-1"), "{output}");
    bring(&root, &repo)?;
    run("-Syu")?.ok()?;
    ensure!(version_of(&root, "driver")? == "2.0");

    for file in ["other-1.0-1-x86_64.pkg.tar.zst", "other-1.0-1-x86_64.pkg.tar.zst.sig"] {
        bring(&root, &repo)?;
        tamper(&root, &format!("/srv/repo/{file}"))?;
        let refused = run("-S other")?;
        ensure!(refused.status != 0 && !root.exists("/usr/share/other")?, "{file}: {}", refused.all());
        root.sh("rm -f /var/cache/pacman/pkg/*")?.ok()?;
    }
    for file in ["vendor.db.d/vendor.db.tar.zst", "vendor.db.d/vendor.db.tar.zst.sig"] {
        bring(&root, &repo)?;
        tamper(&root, &format!("/srv/repo/{file}"))?;
        let refused = run("-Syy")?;
        ensure!(refused.status != 0, "{file}: {}", refused.all());
    }
    bring(&root, &repo)?;
    run("-Syy")?.ok()?;
    run("-S other")?.ok()?;
    Ok(())
}
