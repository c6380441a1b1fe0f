//! Tests in roots, with the programs that a machine has. They are one program, so that what takes long in one file runs
//! beside what takes long in another, and so that there is but one to be linked.

mod apt;
mod apt_faults;
mod archives;
mod corpus;
mod corpus_apt;
mod distros;
mod dnf;
mod faults;
mod kernel_install;
mod lint;
mod oracle;
mod package;
mod package_files;
mod package_verb;
mod pacman;
mod policy;
mod prebuilt;
mod prebuilt_packages;
mod publish;
mod roots;
mod secureboot;
mod settings;
mod sync;
mod takeover;
mod transactions;
mod zypper;
