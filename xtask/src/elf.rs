//! What a program says about where it runs.

use evermod_packaging::{Architecture, Comparison, Dependency};

/// The machine that an ELF program is for; that of this host for a script.
pub(crate) fn architecture(program: &[u8]) -> anyhow::Result<Architecture> {
    let machine = match program {
        // e_machine, two bytes at offset 18.
        [0x7f, b'E', b'L', b'F', rest @ ..] => match rest.get(14..16) {
            Some([3, 0]) => "i686",
            Some([40, 0]) => "armv7l",
            Some([62, 0]) => "x86_64",
            Some([183, 0]) => "aarch64",
            Some([243, 0]) => "riscv64",
            Some([21, 0]) => "ppc64le",
            Some([0, 22]) => "s390x",
            Some([2, 1]) => "loongarch64",
            other => anyhow::bail!("a program for an unknown machine (ELF e_machine {other:?})"),
        },
        _ => std::env::consts::ARCH,
    };
    Ok(Architecture::Machine(machine.to_owned()))
}

/// Debian's packages of the shared libraries that a Rust program needs, by the names in its string table.
///
/// glibc's package needs the newest symbol version that the program names.
pub(crate) fn libraries(program: &[u8]) -> Vec<Dependency> {
    let newest = strings(program).filter_map(glibc).max();
    let mut found = Vec::new();
    if let Some((major, minor)) = newest {
        found.push(Dependency::versioned("libc6", Comparison::GreaterEqual, format!("{major}.{minor}")));
    }
    if strings(program).any(|name| name == b"libgcc_s.so.1") {
        found.push(Dependency::versioned("libgcc-s1", Comparison::GreaterEqual, "4.2"));
    }
    found
}

/// The same as rpm names it: every library with the newest version of its symbols that the program names.
pub(crate) fn rpm_libraries(program: &[u8]) -> Vec<Dependency> {
    let mark = if program.get(4) == Some(&2) { "(64bit)" } else { "" };
    let mut found = Vec::new();
    if let Some((major, minor)) = strings(program).filter_map(glibc).max() {
        found.push(Dependency::on(format!("libc.so.6(GLIBC_{major}.{minor}){mark}")));
    }
    if strings(program).any(|name| name == b"libgcc_s.so.1") {
        let brackets = if mark.is_empty() { "" } else { "()" };
        found.push(Dependency::on(format!("libgcc_s.so.1{brackets}{mark}")));
    }
    found
}

/// The same as Arch names it.
pub(crate) fn arch_libraries(program: &[u8]) -> Vec<Dependency> {
    let newest = strings(program).filter_map(glibc).max();
    let glibc = newest.map(|(major, minor)| {
        Dependency::versioned("glibc", Comparison::GreaterEqual, format!("{major}.{minor}"))
    });
    let gcc = strings(program).any(|name| name == b"libgcc_s.so.1").then(|| Dependency::on("gcc-libs"));
    glibc.into_iter().chain(gcc).collect()
}

fn strings(program: &[u8]) -> impl Iterator<Item = &[u8]> {
    let elf = program.starts_with(b"\x7fELF");
    program.split(|byte| *byte == 0).filter(move |_| elf)
}

fn glibc(name: &[u8]) -> Option<(u32, u32)> {
    let version = std::str::from_utf8(name.strip_prefix(b"GLIBC_")?).ok()?;
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbol_versions() {
        assert_eq!(glibc(b"GLIBC_2.34"), Some((2, 34)));
        assert_eq!(glibc(b"GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(glibc(b"GLIBC_PRIVATE"), None);
        assert_eq!(
            libraries(b"\x7fELF\0GLIBC_2.9\0GLIBC_2.34\0libgcc_s.so.1\0"),
            [
                Dependency::versioned("libc6", Comparison::GreaterEqual, "2.34"),
                Dependency::versioned("libgcc-s1", Comparison::GreaterEqual, "4.2"),
            ]
        );
        let program = b"\x7fELF\x02\0GLIBC_2.9\0GLIBC_2.34\0libgcc_s.so.1\0";
        assert_eq!(
            rpm_libraries(program),
            ["libc.so.6(GLIBC_2.34)(64bit)", "libgcc_s.so.1()(64bit)"].map(Dependency::on)
        );
        assert_eq!(
            arch_libraries(program),
            [Dependency::versioned("glibc", Comparison::GreaterEqual, "2.34"), Dependency::on("gcc-libs")]
        );
        assert!(libraries(b"#!/bin/sh\0GLIBC_2.9\0").is_empty());
    }

    #[test]
    fn own_machine() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(architecture(&program).unwrap(), Architecture::Machine(std::env::consts::ARCH.to_owned()));
    }
}
