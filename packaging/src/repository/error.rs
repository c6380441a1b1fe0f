//! Why a package cannot be in a repository, or an index cannot be used.

/// What is wrong. The text does not name the file: who reads it knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// Something in the package that no repository can hold.
    #[error("cannot be published: {0}")]
    Package(String),
    /// The same name, version and architecture, but another file.
    #[error(
        "{name} {version} ({architecture}) is published already, with other contents: whoever has it would never get this \
         one. Give it another version"
    )]
    OtherContents {
        /// The package.
        name: String,
        /// Its version.
        version: String,
        /// Its architecture.
        architecture: String,
    },
    /// An index that is not as it should be.
    #[error("the index is damaged: {0}")]
    Index(String),
    /// A compressor failed.
    #[error("writing the index failed: {0}")]
    Write(#[from] std::io::Error),
}

impl RepositoryError {
    pub(crate) fn package(why: impl Into<String>) -> Self {
        Self::Package(why.into())
    }

    pub(crate) fn other_contents(name: &str, version: &str, architecture: &str) -> Self {
        let [name, version, architecture] = [name, version, architecture].map(str::to_owned);
        Self::OtherContents { name, version, architecture }
    }
}
