//! Trees of many small modules, as both programs would have left them: real ones, built by dkms, under many names.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use fs_err as fs;

/// Where both programs keep what they know.
pub const TREE: &str = "/var/lib/dkms";
/// Where evermod keeps what it has learnt.
pub const STATE: &str = "/var/lib/evermod";
const SOURCES: &str = "/usr/src";
const MODULES: &str = "/lib/modules";

/// A small module that dkms built and installed for a kernel.
#[derive(Debug)]
pub struct Seed {
    /// The kernel.
    pub kernel: String,
    /// What follows a module's name: `.ko`, or `.ko.xz`.
    suffix: String,
    content: Vec<u8>,
    log: Vec<u8>,
}

impl Seed {
    /// Takes what dkms left of `hello/1.0`.
    ///
    /// # Errors
    /// It is not there.
    pub fn take(kernel: &str) -> Result<Self> {
        let instance = Path::new(TREE).join("hello/1.0").join(kernel).join("x86_64");
        let mut files = fs::read_dir(instance.join("module"))?;
        let file = files.next().context("dkms built no module")??;
        let name = file.file_name().into_string().ok().context("a name")?;
        let suffix = name.strip_prefix("hello").context("hello.ko")?.to_owned();
        let log = fs::read(instance.join("log/make.log"))?;
        Ok(Self { kernel: kernel.to_owned(), suffix, content: fs::read(file.path())?, log })
    }

    /// The same for a kernel that has the headers of this one under a name of its own.
    ///
    /// # Errors
    /// Its directory cannot be made.
    pub fn under_another_name(&self, kernel: &str) -> Result<Self> {
        let dir = Path::new(MODULES).join(kernel);
        fs::create_dir_all(dir.join("kernel"))?;
        let build = Path::new(MODULES).join(&self.kernel).join("build");
        fs::remove_file(dir.join("build")).ok();
        symlink(fs::canonicalize(build)?, dir.join("build"))?;
        for file in ["modules.dep", "modules.builtin", "modules.order"] {
            fs::copy(Path::new(MODULES).join(&self.kernel).join(file), dir.join(file))?;
        }
        let Self { suffix, content, log, .. } = self;
        Ok(Self {
            kernel: kernel.to_owned(),
            suffix: suffix.clone(),
            content: content.clone(),
            log: log.clone(),
        })
    }
}

/// Module packages `first..last`, each with `modules(i)` modules, installed for every kernel of the seeds.
///
/// # Errors
/// Something cannot be written.
pub fn grow(seeds: &[Seed], range: std::ops::Range<usize>, modules: fn(usize) -> usize) -> Result<()> {
    for index in range {
        let name = format!("bench{index:04}");
        let modules: Vec<String> = (0..modules(index)).map(|n| format!("{name}_{n}")).collect();
        let source = PathBuf::from(format!("{SOURCES}/{name}-1.0"));
        write_source(&source, &name, &modules)?;
        let version = Path::new(TREE).join(&name).join("1.0");
        fs::create_dir_all(version.join("build"))?;
        symlink(&source, version.join("source"))?;
        for seed in seeds {
            let instance = version.join(&seed.kernel).join("x86_64");
            fs::create_dir_all(instance.join("module"))?;
            fs::create_dir_all(instance.join("log"))?;
            fs::write(instance.join("log/make.log"), &seed.log)?;
            let below = Path::new(MODULES).join(&seed.kernel).join("updates/dkms");
            fs::create_dir_all(&below)?;
            for module in &modules {
                let file = format!("{module}{}", seed.suffix);
                fs::write(instance.join("module").join(&file), &seed.content)?;
                // dkms's copies have a time of their own, so that comparing means reading.
                fs::write(below.join(&file), &seed.content)?;
            }
            let active = format!("1.0/{}/x86_64", seed.kernel);
            symlink(active, Path::new(TREE).join(&name).join(format!("kernel-{}-x86_64", seed.kernel)))?;
        }
    }
    Ok(())
}

/// How many modules the package of this number has.
pub const fn three_or_four(index: usize) -> usize {
    if index.is_multiple_of(3) { 4 } else { 3 }
}

/// Gives every installed copy the time of the built file, as evermod does when it installs.
///
/// # Errors
/// A file is not there.
pub fn copy_times(seeds: &[Seed]) -> Result<()> {
    for module in fs::read_dir(TREE)? {
        let version = module?.path().join("1.0");
        for seed in seeds {
            let built = version.join(&seed.kernel).join("x86_64/module");
            if !built.is_dir() {
                continue;
            }
            for file in fs::read_dir(built)? {
                let file = file?;
                let time = file.metadata()?.modified()?;
                let below = Path::new(MODULES).join(&seed.kernel).join("updates/dkms").join(file.file_name());
                fs::OpenOptions::new().write(true).open(below)?.into_parts().0.set_modified(time)?;
            }
        }
    }
    Ok(())
}

fn write_source(dir: &Path, name: &str, modules: &[String]) -> Result<()> {
    fs::create_dir_all(dir)?;
    let mut conf = format!("PACKAGE_NAME=\"{name}\"\nPACKAGE_VERSION=\"1.0\"\nAUTOINSTALL=\"yes\"\n");
    let mut makefile = String::new();
    for (index, module) in modules.iter().enumerate() {
        conf += &format!(
            "BUILT_MODULE_NAME[{index}]=\"{module}\"\nDEST_MODULE_LOCATION[{index}]=\"/updates/dkms\"\n"
        );
        makefile += &format!("obj-m += {module}.o\n");
        fs::write(dir.join(format!("{module}.c")), HELLO)?;
    }
    fs::write(dir.join("dkms.conf"), conf)?;
    fs::write(dir.join("Makefile"), makefile)?;
    Ok(())
}

const HELLO: &str = include_str!("../../../modules/hello-1.0/hello.c");

/// Leaves no module in the tree or below any kernel, and nothing that evermod remembers. Keys stay.
///
/// # Errors
/// Something cannot be deleted.
pub fn clear() -> Result<()> {
    for entry in fs::read_dir(TREE)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    for kernel in fs::read_dir(MODULES)? {
        remove_tree(&kernel?.path().join("updates"))?;
    }
    forget()
}

/// Deletes what evermod remembers.
///
/// # Errors
/// It cannot be deleted.
pub fn forget() -> Result<()> {
    remove_tree(Path::new(STATE))
}

/// Takes one kernel's builds and installations away, whichever program made them.
///
/// # Errors
/// Something cannot be deleted.
pub fn clear_kernel(kernel: &str) -> Result<()> {
    for module in fs::read_dir(TREE)? {
        let module = module?.path();
        if !module.is_dir() {
            continue;
        }
        fs::remove_file(module.join(format!("kernel-{kernel}-x86_64"))).ok();
        for version in fs::read_dir(&module)? {
            let version = version?;
            if version.file_type()?.is_dir() {
                remove_tree(&version.path().join(kernel))?;
                remove_tree(&version.path().join("build"))?;
                // evermod expects no such directory, dkms makes one.
                if version.path().join("source").exists() {
                    fs::create_dir(version.path().join("build"))?;
                }
            }
        }
    }
    remove_tree(&Path::new(MODULES).join(kernel).join("updates"))?;
    forget()
}

/// Names of the modules that are installed below a kernel.
///
/// # Errors
/// The directory cannot be read.
pub fn installed(kernel: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let dir = Path::new(MODULES).join(kernel).join("updates/dkms");
    if dir.is_dir() {
        for file in fs::read_dir(dir)? {
            names.push(file?.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Deletes a directory that may be absent.
///
/// # Errors
/// It is there and cannot be deleted.
pub fn remove_tree(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    ensure!(!dir.exists(), "{} is still there", dir.display());
    Ok(())
}
