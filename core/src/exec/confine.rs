//! Confines the calling thread, and with it every program that the thread starts afterwards.
//!
//! Landlock takes away writing and limits reading to named trees; seccomp takes away what Landlock does not cover:
//! sockets, mounts, modules, other processes, file metadata, clocks. Both belong to the thread that asks for them
//! and are inherited by its children, so a thread that only launches a child needs no code between fork and exec.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How far Landlock could be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landlock {
    /// Every restriction that was asked for.
    Full,
    /// An older kernel: files are protected, some finer restrictions are missing.
    Partial,
    /// Nothing, because of this.
    None(String),
}

/// What confines a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confinement {
    /// Files.
    pub landlock: Landlock,
    /// System calls; if missing, because of this.
    pub seccomp: Result<(), String>,
}

impl Confinement {
    /// What is missing, as one sentence; `None` if nothing is.
    pub fn missing(&self) -> Option<String> {
        let files = match &self.landlock {
            Landlock::Full => None,
            Landlock::Partial => Some("Landlock is only partly supported by this kernel".to_string()),
            Landlock::None(why) => Some(format!("files are not protected ({why})")),
        };
        let calls = self.seccomp.as_ref().err().map(|why| format!("system calls are not filtered ({why})"));
        match (files, calls) {
            (Some(files), Some(calls)) => Some(format!("{files}; {calls}")),
            (files, calls) => files.or(calls),
        }
    }
}

/// The files that a confined child may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Files {
    /// Trees to read and run programs from.
    pub read: Vec<PathBuf>,
    /// Trees to write in.
    pub write: Vec<PathBuf>,
}

/// Confines the calling thread for good, as far as the kernel can.
pub(super) fn confine_thread(files: &Files) -> Confinement {
    let landlock = match restrict_files(files) {
        Ok(RulesetStatus::FullyEnforced) => Landlock::Full,
        Ok(RulesetStatus::PartiallyEnforced) => Landlock::Partial,
        Ok(RulesetStatus::NotEnforced) => Landlock::None("this kernel has no Landlock".to_string()),
        Err(error) => Landlock::None(error.to_string()),
    };
    Confinement { landlock, seccomp: restrict_calls() }
}

const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

fn restrict_files(files: &Files) -> Result<RulesetStatus, RulesetError> {
    let abi = ABI::V6;
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?;
    let mut allow = |path: &Path, access: BitFlags<AccessFs>| -> Result<(), RulesetError> {
        // What is not there needs no rule.
        let Ok(fd) = PathFd::new(path) else { return Ok(()) };
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(abi) };
        (&mut rules).add_rule(PathBeneath::new(fd, access))?;
        Ok(())
    };
    for path in &files.read {
        allow(path, AccessFs::from_read(abi))?;
    }
    for path in &files.write {
        allow(path, AccessFs::from_all(abi))?;
    }
    for device in DEVICES {
        let writable =
            if device == "/dev/null" { AccessFs::from_file(abi) } else { AccessFs::ReadFile.into() };
        allow(Path::new(device), writable)?;
    }
    Ok(rules.restrict_self()?.ruleset)
}

/// System calls that no configuration file needs. Each fails with EPERM, so that a program that tries one out of
/// habit goes on.
const DENIED: &[i64] = &[
    // The network, and the daemons that listen on local sockets.
    libc::SYS_socket,
    libc::SYS_io_uring_setup,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    // The kernel.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Other processes, and leaving the process group that the time limit kills.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_setsid,
    libc::SYS_setpriority,
    // File metadata, which Landlock does not guard.
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    SYS_FCHMODAT2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_truncate,
];

/// `fchmodat2` has one number on every architecture; libc does not name it everywhere.
const SYS_FCHMODAT2: i64 = 452;

/// The rest, which newer architectures do not have.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[i64] = &[
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_setrlimit,
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
];
#[cfg(target_arch = "aarch64")]
const DENIED_HERE: &[i64] = &[libc::SYS_kexec_file_load];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const DENIED_HERE: &[i64] = &[];

fn restrict_calls() -> Result<(), String> {
    let arch: TargetArch = std::env::consts::ARCH
        .try_into()
        .map_err(|_| format!("no filter for {} yet", std::env::consts::ARCH))?;
    let unless_zero = |argument| -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
        let given = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
        Ok(vec![SeccompRule::new(vec![given])?])
    };
    let install = || -> Result<(), seccompiler::Error> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            DENIED.iter().chain(DENIED_HERE).map(|call| (*call, Vec::new())).collect();
        // A launcher gives its child a group of its own by setpgid(0, 0); a child may move nobody.
        rules.insert(libc::SYS_setpgid, unless_zero(0)?);
        // Limits may be read, not changed.
        rules.insert(libc::SYS_prlimit64, unless_zero(2)?);
        let denied = SeccompAction::Errno(libc::EPERM as u32);
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, arch)?;
        let program: seccompiler::BpfProgram = filter.try_into()?;
        seccompiler::apply_filter(&program)
    };
    install().map_err(|error| error.to_string())
}
