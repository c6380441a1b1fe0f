//! Candidates for the tests of planning.

use crate::inventory::{Candidate, State};
use crate::model::{Arch, BuildKey, Instance, KernelRelease, ModuleId};

/// One that asks for autoinstall and may be built and installed.
pub(super) fn candidate(name: &str, kernel: &str, state: State) -> Candidate {
    Candidate {
        instance: Instance {
            module: ModuleId::new(name, "1").unwrap(),
            kernel: KernelRelease::new(kernel).unwrap(),
            arch: Arch::new("x86_64").unwrap(),
        },
        autoinstall: true,
        depends: Vec::new(),
        built_against: Vec::new(),
        excluded: None,
        state,
        key: Some(BuildKey("k1".into())),
        record: None,
        failure: None,
        headers: true,
        image: true,
    }
}
