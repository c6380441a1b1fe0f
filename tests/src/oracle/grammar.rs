//! The grammar of command sequences: what people, packages and hooks type, and the mistakes they make.
//!
//! A step is a line for bash. `$K1` and `$K2` are the two kernels with headers, `$R` is the running one. The modules are
//! those of `tests/oracle/fixture.sh`.

use super::random::Random;
use super::writer::Writer;

/// Modules that build, each with its versions.
pub(super) const SOUND: [(&str, &[&str]); 17] = [
    ("plain", &["1.0", "2.0"]),
    ("plain", &["1.0", "2.0"]),
    ("other", &["1.10", "1.9"]),
    ("quiet", &["1.0"]),
    ("twin", &["1.0"]),
    ("talk", &["1.0"]),
    ("same", &["1.0", "2.0"]),
    ("renamed", &["1.0"]),
    ("elsewhere", &["1.0"]),
    ("dummy", &["9.0"]),
    ("patched", &["1.0"]),
    ("quoted", &["1.0"]),
    ("deprecated", &["1.0"]),
    ("unstripped", &["1.0"]),
    ("nomod", &["1.0"]),
    ("noscript", &["1.0"]),
    ("real", &["1.0"]),
];

/// Modules with something wrong or special about them.
pub(super) const TROUBLED: [&str; 26] = [
    "broken",
    "broken",
    "noproduct",
    "excl",
    "excl",
    "wrongarch",
    "wrongconfig",
    "toonew",
    "invalid",
    "badauto",
    "badsuffix",
    "nodest",
    "noname",
    "noconf",
    "bare",
    "mispatch",
    "nopatch",
    "needy",
    "grump-pre-build",
    "grump-post-build",
    "grump-pre-install",
    "grump-post-install",
    "grump-post-add",
    "grump-post-remove",
    "ghost",
    "borrower",
];

/// What a sequence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    /// One module up and down.
    Life,
    /// Two versions of one module.
    Versions,
    /// One with something wrong about it.
    Trouble,
    /// Many modules, a kernel comes or goes.
    Kernels,
    /// Typing errors.
    Mistakes,
    /// Files deleted and edited behind its back.
    Damage,
    /// Directories, confs and archives as operands.
    Paths,
    /// Archives written and read, `match`.
    Archives,
    /// Another place for everything.
    Trees,
    /// Modules that need each other.
    Depends,
}

const THEMES: [(usize, Theme); 10] = [
    (28, Theme::Life),
    (12, Theme::Versions),
    (18, Theme::Trouble),
    (12, Theme::Kernels),
    (10, Theme::Mistakes),
    (9, Theme::Damage),
    (8, Theme::Paths),
    (6, Theme::Archives),
    (4, Theme::Trees),
    (5, Theme::Depends),
];

/// Sequences from here on are written by hand: what a seed may not come upon.
pub const WRITTEN: u64 = 1_000_000;

const BY_HAND: [&[&str]; 11] = [
    &[
        "dkms install renamed/1.0 -k $K1 -k $K2",
        "rm /var/lib/dkms/renamed/1.0/$K1/x86_64/module/*.ko*",
        "dkms status",
        "dkms remove renamed/1.0 --all",
        "dkms status",
    ],
    &[
        "dkms add plain/1.0",
        "dkms add other/1.9",
        "echo 'DEST_MODULE_LOCATION[0]=/wrong' >>/usr/src/plain-1.0/dkms.conf",
        "dkms autoinstall -k $K1",
        "dkms status",
    ],
    &[
        "dkms install plain/1.0 -k $K1",
        "rm -r /usr/src/plain-1.0",
        "dkms status",
        "dkms remove plain/1.0 --all",
        "dkms add plain/1.0",
        "dkms autoinstall -k $K1",
        "dkms kernel_prerm -k $K1",
        "dkms status",
    ],
    &[
        "dkms install talk/1.0 -k $K1 -k $K2",
        "dkms build talk/1.0 -k $K1 --force",
        "dkms uninstall talk/1.0 --all",
        "dkms install talk/1.0 -k $K1 --no-depmod",
        "dkms unbuild talk/1.0 --all",
        "dkms remove talk/1.0 --all",
        "dkms status",
    ],
    &[
        "runuser -u nobody -- dkms generate_mok",
        "cd /var/lib/dkms && rm mok.key",
        "dkms generate_mok",
        "dkms install plain/1.0 -k $K1",
        "cd /var/lib/dkms && rm mok.key mok.pub",
        "runuser -u nobody -- dkms generate_mok",
    ],
    &["dkms install plain/2.0 -k $K2", "dkms match --templatekernel $K2 -k $K1"],
    &["dkms build nomod/1.0 -k $K2 --directive=DEST_MODULE_LOCATION=/extra", "dkms kernel_postinst -k $K1"],
    &["dkms install same/1.0 -k $K1", "dkms build same/2.0 -k $K2", "dkms autoinstall -k $K1"],
    &[
        "dkms add deprecated/1.0",
        "dkms add unstripped/1.0",
        "dkms kernel_postinst -k $K1",
        "dkms add borrower/1.0",
        "dkms kernel_postinst -k $K1 --quiet",
        "dkms kernel_postinst -k 5.9.9-nowhere --no-initrd",
        "dkms add /usr/src/deprecated-1.0 --force",
    ],
    &[
        "dkms install grump-post-add/1.0 -k $K1",
        "dkms build quoted/1.0 -k $K1 --config /nowhere",
        "dkms status talk/1.0 -k $K1 --frob",
        "dkms remove grump-post-add/1.0 --all",
        "dkms add grump-post-add/1.0",
        "dkms status",
    ],
    &[
        "dkms install lender/1.0 -k $K1",
        "dkms install borrower/1.0 -k $K1",
        "dkms install borrower/1.0 -k $K2",
        "dkms autoinstall -k $K2",
        "dkms status -k $K2",
        "dkms remove lender/1.0 --all",
        "dkms autoinstall -k $K2",
        "dkms status",
    ],
];

/// How many are written by hand.
#[must_use]
pub fn written() -> std::ops::Range<u64> {
    WRITTEN..WRITTEN + BY_HAND.len() as u64
}

/// The steps of one sequence.
#[must_use]
pub fn sequence(seed: u64, number: u64) -> Vec<String> {
    let by_hand = number.checked_sub(WRITTEN).and_then(|at| BY_HAND.get(usize::try_from(at).ok()?));
    if let Some(steps) = by_hand {
        return steps.iter().map(|step| (*step).to_owned()).collect();
    }
    let mut random = Random::new(seed, number);
    let theme = random.weighted(&THEMES).copied().unwrap_or(Theme::Life);
    let mut writer = Writer::new(random, theme);
    writer.write();
    writer.steps
}

#[cfg(test)]
mod tests {
    use super::sequence;
    use std::collections::BTreeSet;

    #[test]
    fn every_action_and_many_different_sequences_come_up() {
        let all: Vec<_> = (0..300).map(|number| sequence(1, number)).collect();
        assert_eq!(all, (0..300).map(|number| sequence(1, number)).collect::<Vec<_>>());
        assert!(all.iter().collect::<BTreeSet<_>>().len() > 290);
        let words: BTreeSet<&str> = all.iter().flatten().flat_map(|step| step.split_whitespace()).collect();
        for action in [
            "add",
            "build",
            "unbuild",
            "install",
            "uninstall",
            "remove",
            "match",
            "autoinstall",
            "mktarball",
            "ldtarball",
            "status",
            "generate_mok",
            "kernel_preinst",
            "kernel_postinst",
            "kernel_prerm",
        ] {
            assert!(words.contains(action), "{action} never comes up");
        }
        for option in [
            "--all",
            "--force",
            "-k",
            "-m",
            "-v",
            "-a",
            "--kernelver=$K1",
            "--directive",
            "-c",
            "-q",
            "runuser",
        ] {
            assert!(words.contains(option), "{option} never comes up");
        }
        assert!(all.iter().all(|steps| (2..=10).contains(&steps.len())));
    }
}
