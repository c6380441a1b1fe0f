//! The compiler and linker that match a kernel (contract 2.6).

/// Which programs a kernel was built with, as far as the environment of its modules' builds must say so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toolchain {
    /// Value of `CC` and `KERNEL_CC`.
    pub cc: Option<String>,
    /// Value of `LD` and `KERNEL_LD`.
    pub ld: Option<String>,
    /// Built with clang: kbuild wants `LLVM=1`.
    pub llvm: bool,
}

/// Chooses from the kernel's configuration, then from the `CC` of Debian's `.kernelvariables`. A compiler that is not
/// there is not named: kbuild's own default is then no worse.
pub fn toolchain(
    option: &dyn Fn(&str) -> Option<String>,
    kernelvariables: Option<&str>,
    exists: &dyn Fn(&str) -> bool,
) -> Toolchain {
    let is_set = |name: &str| option(name).as_deref() == Some("y");
    let llvm = is_set("CONFIG_CC_IS_CLANG");
    let cc = if llvm {
        Some("clang".to_string())
    } else {
        option("CONFIG_CC_VERSION_TEXT")
            .and_then(|text| text.trim_matches('"').split_whitespace().next().map(str::to_string))
    };
    Toolchain {
        cc: cc
            .filter(|cc| exists(cc))
            .or_else(|| kernelvariables.and_then(assigned_cc).filter(|cc| exists(cc))),
        ld: is_set("CONFIG_LD_IS_LLD").then(|| "ld.lld".to_string()).filter(|ld| exists(ld)),
        llvm,
    }
}

/// The `CC` assignment of a `.kernelvariables` makefile: `override CC = gcc-12`, also behind `$(if …)` lines.
fn assigned_cc(text: &str) -> Option<String> {
    text.lines().rev().find_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("override ").unwrap_or(line).trim_start();
        let value = line.strip_prefix("CC")?.trim_start().trim_start_matches(':').strip_prefix('=')?.trim();
        let last = value.split_whitespace().last()?;
        last.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+/".contains(c)).then(|| last.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn choices() {
        let gcc = HashMap::from([("CONFIG_CC_VERSION_TEXT", "\"gcc-12 (Debian 12.2.0-14) 12.2.0\"")]);
        let clang = HashMap::from([("CONFIG_CC_IS_CLANG", "y"), ("CONFIG_LD_IS_LLD", "y")]);
        let lookup = |map: HashMap<&'static str, &'static str>| {
            move |name: &str| map.get(name).map(std::string::ToString::to_string)
        };
        let all = |_: &str| true;
        assert_eq!(toolchain(&lookup(gcc.clone()), None, &all).cc.as_deref(), Some("gcc-12"));
        assert_eq!(toolchain(&lookup(gcc), None, &|_| false).cc, None);
        let llvm = toolchain(&lookup(clang), None, &all);
        assert_eq!(
            (llvm.cc.as_deref(), llvm.ld.as_deref(), llvm.llvm),
            (Some("clang"), Some("ld.lld"), true)
        );
        let variables = "override ARCH = x86\noverride KERNELRELEASE = 6.1\nCC := gcc-12\n";
        assert_eq!(toolchain(&|_| None, Some(variables), &all).cc.as_deref(), Some("gcc-12"));
    }
}
