//! End-to-end test support: Debian roots, what is installed in them, and the machine that runs the tests.

pub mod apt;
pub mod corpus;
pub mod corpus_apt;
pub mod debian_reader;
pub mod http;
pub mod modinfo;
pub mod oracle;
pub mod prebuilt;
pub mod roots;
pub mod rpms;
pub mod signature;
pub mod skip;
pub mod transcript;

/// The checkout's top directory.
#[must_use]
pub fn top() -> &'static std::path::Path {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}
