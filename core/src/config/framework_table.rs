//! The variables of `framework.conf` as a table: what the reader looks for and what dkms(8) says.
//!
//! In `text`, `` `word` `` is to be typed as it is and `<word>` stands for something else or is a file.

/// One variable.
#[derive(Debug, Clone, Copy)]
pub struct VariableSpec {
    /// Its name.
    pub name: &'static str,
    /// What counts where it is not set; empty for nothing.
    pub default: &'static str,
    /// Whether the caller's environment counts where no file sets it (contract 1.9).
    pub from_environment: bool,
    /// What it means.
    pub text: &'static str,
}

const fn variable(name: &'static str, default: &'static str, text: &'static str) -> VariableSpec {
    VariableSpec { name, default, from_environment: false, text }
}

/// The variables.
pub const VARIABLES: [VariableSpec; 18] = [
    variable("source_tree", "/usr/src", "Where sources are."),
    variable("dkms_tree", "/var/lib/dkms", "Where DKMS keeps what it knows and what it built."),
    variable("install_tree", "/lib/modules, on Arch /usr/lib/modules", "Where the kernels' modules are."),
    variable("tmp_location", "$TMPDIR or /tmp", "Where temporary files go."),
    VariableSpec {
        from_environment: true,
        ..variable("parallel_jobs", "the number of processors", "As `-j`.")
    },
    VariableSpec {
        from_environment: true,
        ..variable(
            "mok_signing_key",
            "/var/lib/dkms/mok.key, on Ubuntu /var/lib/shim-signed/mok/MOK.priv",
            "The key that signs modules; made where it is missing. May contain `$kernelver`.",
        )
    },
    VariableSpec {
        from_environment: true,
        ..variable(
            "mok_certificate",
            "/var/lib/dkms/mok.pub, on Ubuntu /var/lib/shim-signed/mok/MOK.der",
            "The certificate of that key; made where it is missing.",
        )
    },
    VariableSpec {
        from_environment: true,
        ..variable(
            "sign_file",
            "",
            "A program that signs, called as the kernel's `sign-file`. Without it evermod signs by itself.",
        )
    },
    variable(
        "try_sign_modules",
        "not_in_chroot",
        "`true`, `false` or `not_in_chroot`. `false` turns signing off; the other two sign, in a chroot too.",
    ),
    variable(
        "autoinstall_all_kernels",
        "",
        "Build a new package's module for all kernels; evermod always does.",
    ),
    variable("build_environment", "", "A file for bash; the variables that it exports reach builds."),
    variable(
        "compress_gzip_opts",
        "",
        "Options of `gzip`(1), of which the level counts: modules are compressed in process.",
    ),
    variable(
        "compress_xz_opts",
        "--check=crc32 --lzma2=dict=1MiB",
        "Options of `xz`(1), of which the level, `dict` and `--check` count.",
    ),
    variable("compress_zstd_opts", "-q --rm -T0", "Options of `zstd`(1), of which the level counts."),
    VariableSpec {
        from_environment: true,
        ..variable("modprobe_on_install", "", "As `--modprobe-on-install`, if it is not empty.")
    },
    VariableSpec {
        from_environment: true,
        ..variable(
            "post_transaction",
            "",
            "A command to be run when modules have changed, once for each kernel, which it finds as `$kernelver`. Its output is in </var/lib/dkms/post_transaction.log>.",
        )
    },
    variable("symlink_modules", "", "As `--symlink-modules`, if it is not empty."),
    variable("verbose", "", "As `--verbose`, if it is not empty."),
];

/// The names alone.
pub const NAMES: [&str; VARIABLES.len()] = {
    let mut names = [""; VARIABLES.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = VARIABLES[index].name;
        index += 1;
    }
    names
};

/// Those that DKMS takes from its environment where no file sets them (contract 1.9).
pub fn from_environment() -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().filter(|variable| variable.from_environment).map(|variable| variable.name)
}
