//! What can be wrong with an archive, with DKMS's exit codes (contract 1.6).

use super::ModuleId;

/// Why an archive cannot be written, read or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveProblem {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// Something is unpacked, but there is no driver in it.
    #[error("there is no dkms.conf in it")]
    NoConf,
    /// It is something else.
    #[error("it is no archive: {0}")]
    NotAnArchive(String),
    /// It is damaged.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// A member that no archive of a driver has a reason to hold.
    #[error("refused because of its member '{}': {why}. Nothing of it was kept", name.escape_debug())]
    Member {
        /// The member's name as the archive has it.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// It unpacks to more than is reasonable.
    #[error("refused because it unpacks to more than {0}. Nothing of it was kept")]
    TooBig(String),
    /// Laid out as DKMS's archives are, but with neither sources nor a configuration.
    #[error("it is no archive of DKMS's: it has dkms_main_tree, but no dkms.conf beside it")]
    Incomplete,
    /// What it holds is in the tree already.
    #[error("{0} is already added")]
    AlreadyAdded(ModuleId),
    /// The place where it should be written cannot be written to.
    #[error("it cannot be written: {0}")]
    Target(String),
    /// `rpm` did not install it.
    #[error("rpm did not install it: {0}")]
    Rpm(String),
    /// Writing it failed on the way.
    #[error("writing it failed: {0}")]
    Write(String),
}

impl ArchiveProblem {
    /// DKMS's exit code for it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Missing => 2,
            Self::NoConf | Self::NotAnArchive(_) => 3,
            Self::Write(_) => 6,
            Self::Unreadable(_) | Self::Member { .. } | Self::TooBig(_) | Self::Incomplete => 7,
            Self::AlreadyAdded(_) => 8,
            Self::Target(_) | Self::Rpm(_) => 9,
        }
    }
}
