//! Roots made up for unit tests: a Debian without any program that runs, kernels, and trees as DKMS leaves them.

use super::context::{Audience, Common, Context};
use crate::install::testing::module;
use sha2::{Digest, Sha256};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

/// A root in a temporary directory.
pub(crate) struct Fixture {
    dir: tempfile::TempDir,
    /// What `uname -m` says here.
    pub arch: String,
}

impl Fixture {
    /// A Debian with all programs that evermod needs, and nothing else.
    pub fn debian() -> Self {
        let arch = rustix::system::uname().machine().to_string_lossy().into_owned();
        let fixture = Self { dir: tempfile::tempdir().unwrap(), arch };
        fixture.file("/etc/os-release", "ID=debian\nVERSION_ID=12\n");
        for program in ["make", "depmod", "strip", "bash", "patch", "bwrap", "setpriv", "gcc"] {
            fixture.file(&format!("/usr/bin/{program}"), "");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(fixture.at(&format!("/usr/bin/{program}")), mode).unwrap();
        }
        fixture.dir("/var/lib/dkms");
        fixture.dir("/lib/modules");
        fixture
    }

    /// The place of a path inside.
    pub fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    /// Writes a file.
    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let place = self.at(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, content).unwrap();
    }

    /// Makes a directory.
    pub fn dir(&self, path: &str) {
        std::fs::create_dir_all(self.at(path)).unwrap();
    }

    /// Makes or replaces a link.
    pub fn link(&self, target: &str, path: &str) {
        let place = self.at(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        let _ = std::fs::remove_file(&place);
        symlink(target, place).unwrap();
    }

    /// Removes whatever is there.
    pub fn remove(&self, path: &str) {
        let place = self.at(path);
        if place.symlink_metadata().unwrap().is_dir() {
            std::fs::remove_dir_all(place).unwrap();
        } else {
            std::fs::remove_file(place).unwrap();
        }
    }

    /// A kernel with image and headers.
    pub fn kernel(&self, release: &str) {
        self.bare_kernel(release);
        let headers = format!("/usr/src/linux-headers-{release}");
        self.file(&format!("{headers}/include/config/auto.conf"), "CONFIG_MODULES=y\n");
        self.link(&headers, &format!("/lib/modules/{release}/build"));
    }

    /// A kernel without headers.
    pub fn bare_kernel(&self, release: &str) {
        for file in ["kernel/fs/ext4.ko", "modules.builtin", "modules.dep"] {
            self.file(&format!("/lib/modules/{release}/{file}"), "");
        }
    }

    /// The sources of a module package that makes one module for each name.
    pub fn source(&self, name: &str, version: &str, modules: &[&str]) {
        let mut conf = format!("PACKAGE_NAME={name}\nPACKAGE_VERSION={version}\nAUTOINSTALL=yes\n");
        for (index, module) in modules.iter().enumerate() {
            conf += &format!(
                "BUILT_MODULE_NAME[{index}]={module}\nDEST_MODULE_LOCATION[{index}]=/kernel/drivers/misc\n"
            );
        }
        self.file(&format!("/usr/src/{name}-{version}/dkms.conf"), conf);
        self.file(&format!("/usr/src/{name}-{version}/Makefile"), "obj-m := x.o\n");
    }

    /// Registers a module package.
    pub fn added(&self, name: &str, version: &str) {
        self.dir(&format!("/var/lib/dkms/{name}/{version}/build"));
        self.link(&format!("/usr/src/{name}-{version}"), &format!("/var/lib/dkms/{name}/{version}/source"));
    }

    /// Builds it, as far as the tree goes.
    pub fn built(&self, name: &str, version: &str, kernel: &str, arch: &str, modules: &[&str]) {
        let dir = format!("/var/lib/dkms/{name}/{version}/{kernel}/{arch}");
        self.file(&format!("{dir}/log/make.log"), "DKMS make.log\n");
        self.dir(&format!("{dir}/module"));
        for file in modules {
            self.file(&format!("{dir}/module/{file}.ko"), module(&[&format!("version={version}")]));
        }
    }

    /// Installs what is built, and has depmod know it.
    pub fn installed(&self, name: &str, version: &str, kernel: &str, arch: &str, modules: &[&str]) {
        self.built(name, version, kernel, arch, modules);
        self.link(
            &format!("{version}/{kernel}/{arch}"),
            &format!("/var/lib/dkms/{name}/kernel-{kernel}-{arch}"),
        );
        for file in modules {
            let place = format!("/lib/modules/{kernel}/updates/dkms/{file}.ko");
            self.file(&place, module(&[&format!("version={version}")]));
            let index = self.at(&format!("/lib/modules/{kernel}/modules.dep"));
            let text = std::fs::read_to_string(&index).unwrap_or_default();
            std::fs::write(index, format!("{text}updates/dkms/{file}.ko:\n")).unwrap();
        }
    }

    /// A package of prebuilt modules, `MODULE-modules-KERNEL`, as far as its files go; depmod knows them.
    pub fn prebuilt(&self, name: &str, version: &str, kernel: &str, dir: &str, modules: &[&str]) {
        let mut files = Vec::new();
        for file in modules {
            let content = module(&[&format!("version={version}"), "intree=N", "built=elsewhere"]);
            let path = format!("/lib/modules/{kernel}/{dir}/{file}.ko");
            files
                .push(serde_json::json!({"path": path, "sha256": format!("{:x}", Sha256::digest(&content))}));
            self.file(&path, content);
            let index = self.at(&format!("/lib/modules/{kernel}/modules.dep"));
            let text = std::fs::read_to_string(&index).unwrap_or_default();
            let line = format!("{dir}/{file}.ko:\n");
            std::fs::write(index, text.replace(&line, "") + &line).unwrap();
        }
        let record = serde_json::json!({
            "schema": 1, "module": name, "version": version, "kernel": kernel, "arch": self.arch,
            "package": format!("{name}-modules-{kernel}"), "package_version": format!("{version}-1"), "files": files,
            "provenance": {"source_sha256": "", "kernel_package": "", "kernel_package_version": "", "compiler": "",
                           "evermod": "", "build_key": ""},
        });
        self.file(&format!("/usr/lib/evermod/prebuilt/{kernel}/{name}.json"), record.to_string());
    }

    /// What a verb gets.
    pub fn context(&self) -> Context {
        let common = Common { root: Some(self.dir.path().to_path_buf()), ..Common::default() };
        Context::new(&common, Audience::Dkms).unwrap()
    }
}
