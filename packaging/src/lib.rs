//! Writers of packages.
