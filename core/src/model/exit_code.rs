//! DKMS's exit codes (contract 1.6) and what each says here: for the manual pages. DKMS's 12 (no architecture) and 15 (a
//! directory that cannot be entered) do not occur.
//!
//! In the texts, `` `word` `` is to be typed as it is and `<word>` is a file.

/// Every exit code of a command, but the status of a script that is passed on, and what it means.
pub const EXIT_CODES: [(u8, &str); 19] = [
    (0, "Done, or nothing to do."),
    (
        1,
        "No privileges; a tree that cannot be written; module or version missing; a file that cannot be read or written.",
    ),
    (2, "An unknown option; `--all` with `-k`; no sources; <evermod.toml> cannot be used."),
    (3, "Already added; not added; `--all` with `-a`."),
    (
        4,
        "An unknown action, none, two, or one that is not there yet; no <dkms.conf>; not exactly one kernel where one is \
         needed; a broken module.",
    ),
    (5, "`--all` where it means nothing; a patch that is missing."),
    (6, "A patch that does not apply; nothing installed; no tree of that kernel; depmod failed."),
    (7, "The build ended well but made no module."),
    (8, "An invalid <dkms.conf>; sources without anything to build; `--binaries-only` with `--source-only`."),
    (9, "A directory without <dkms.conf>."),
    (10, "The build failed, or the module could not be signed."),
    (
        11,
        "`autoinstall` or `sync`: at least one module is not there in the end. `package`: at least one could not be built for \
         a kernel, or a file not be read; all others are packaged.",
    ),
    (13, "A module in BUILD_DEPENDS is not installed."),
    (14, "`kernel_preinst` or `kernel_prerm` could not take everything away."),
    (16, "An empty name of a kernel or architecture."),
    (21, "The kernel's headers are missing."),
    (
        77,
        "The module says that it is not for this kernel (BUILD_EXCLUSIVE); a warning rather than a failure.",
    ),
    (100, "`preflight`: the transaction should be stopped."),
    (101, "PRE_INSTALL failed."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend() {
        assert!(EXIT_CODES.is_sorted_by_key(|(code, _)| *code));
    }
}
