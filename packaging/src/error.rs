//! Why a package cannot be written.

/// What is wrong with a package, or with writing it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// A name, version or other word that the format does not allow.
    #[error("{field}: `{value}` {why}")]
    Word {
        /// Which part of the package.
        field: String,
        /// The offending text.
        value: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// A path that cannot be in a package.
    #[error("{path}: {why}")]
    Path {
        /// The path as given.
        path: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// The `rpm` crate refuses it.
    #[error("rpm: {0}")]
    Rpm(String),
    /// The compressor or archiver failed, or a size is beyond the format.
    #[error("writing the package failed: {0}")]
    Write(#[from] std::io::Error),
}

impl PackageError {
    pub(crate) fn word(field: impl Into<String>, value: &str, why: &'static str) -> Self {
        Self::Word { field: field.into(), value: value.to_owned(), why }
    }

    pub(crate) fn path(path: &str, why: &'static str) -> Self {
        Self::Path { path: path.to_owned(), why }
    }
}
