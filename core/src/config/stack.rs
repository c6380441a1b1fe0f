//! The stack of files that make up the configuration of one module (contract 2.2).

use crate::model::{Arch, KernelRelease, ModuleId};
use std::path::{Path, PathBuf};

/// The override files of `module` below `directory` (DKMS: `/etc/dkms`), in the order in which they are read;
/// later ones win, element by element. Those for one kernel or architecture are left out where none is given.
pub fn overrides(
    directory: &Path,
    module: &ModuleId,
    kernel: Option<&KernelRelease>,
    arch: Option<&Arch>,
) -> Vec<PathBuf> {
    let ModuleId { name, version } = module;
    let mut names = vec![name.clone(), format!("{name}-{version}")];
    if let Some(kernel) = kernel {
        names.push(format!("{name}-{version}-{kernel}"));
        names.extend(arch.map(|arch| format!("{name}-{version}-{kernel}-{arch}")));
        names.push(format!("{name}--{kernel}"));
        names.extend(arch.map(|arch| format!("{name}--{kernel}-{arch}")));
    }
    names.into_iter().map(|name| directory.join(format!("{name}.conf"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order() {
        let module = ModuleId::new("m", "1").unwrap();
        let (kernel, arch) = (KernelRelease::new("6.1").unwrap(), Arch::new("x86_64").unwrap());
        let names = |k, a| {
            let files = overrides(Path::new("/etc/dkms"), &module, k, a);
            files
                .iter()
                .map(|f| f.file_stem().unwrap().to_str().unwrap().to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(names(None, None), "m m-1");
        assert_eq!(names(Some(&kernel), Some(&arch)), "m m-1 m-1-6.1 m-1-6.1-x86_64 m--6.1 m--6.1-x86_64");
    }
}
