//! The compiler and linker that match a kernel (contract 2.6).

/// Which programs a kernel was built with, as far as the environment of its modules' builds must say so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toolchain {
    /// Value of `CC`.
    pub cc: Option<String>,
    /// Value of `KERNEL_CC`: that of `CC`, if it is the kernel's configuration that names it.
    pub kernel_cc: Option<String>,
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
    let kernel_cc = cc.filter(|cc| exists(cc));
    let assigned = || kernelvariables.and_then(assigned_cc).filter(|cc| exists(cc));
    Toolchain {
        cc: kernel_cc.clone().or_else(assigned),
        kernel_cc,
        ld: is_set("CONFIG_LD_IS_LLD").then(|| "ld.lld".to_string()).filter(|ld| exists(ld)),
        llvm,
    }
}

/// The `CC` of a `.kernelvariables` makefile: `CC = $(if $(DEBIAN_KERNEL_USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-14`.
/// The compiler is its last word; of what it refers to, the same file has the values.
fn assigned_cc(text: &str) -> Option<String> {
    let value = assigned(text, "CC")?;
    let last = value.split_whitespace().last()?;
    let compiler = match last.strip_prefix("$(").and_then(|rest| rest.split_once(')')) {
        Some((name, rest)) => assigned(text, name).unwrap_or_default().to_string() + rest,
        None => last.to_string(),
    };
    compiler.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+/".contains(c)).then_some(compiler)
}

/// What a makefile assigns last to a variable.
fn assigned<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().rev().find_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("override ").unwrap_or(line).trim_start();
        Some(line.strip_prefix(name)?.trim_start().trim_start_matches(':').strip_prefix('=')?.trim())
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
        assert_eq!(toolchain(&lookup(gcc.clone()), None, &all).kernel_cc.as_deref(), Some("gcc-12"));
        assert_eq!(toolchain(&lookup(gcc), None, &|_| false).cc, None);
        let llvm = toolchain(&lookup(clang), None, &all);
        assert_eq!(
            (llvm.cc.as_deref(), llvm.ld.as_deref(), llvm.llvm),
            (Some("clang"), Some("ld.lld"), true)
        );
        // Debian 12's and 13's.
        for (variables, compiler) in [
            ("override ARCH = x86\nCC := gcc-12\n", Some("gcc-12")),
            (
                "CC = $(if $(USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-14\noverride CROSS_COMPILE = a-",
                Some("a-gcc-14"),
            ),
            ("CC = $(if $(USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-14\n", Some("gcc-14")),
            ("CCACHE = ccache\n", None),
            ("CC = $(shell which gcc)\n", None),
        ] {
            let named = toolchain(&|_| None, Some(variables), &all);
            assert_eq!((named.cc.as_deref(), named.kernel_cc), (compiler, None), "{variables}");
        }
    }
}
