//! Packages of prebuilt modules in the hands of dpkg and apt, of rpm and dnf, of pacman: they need no compiler, run depmod for
//! their kernel alone, go with it and with nothing left, put back what was there, and follow the newest kernel.

mod deb;
mod pacman;
mod rpm;

use evermod_packaging::{Architecture, Dependency, Package, RelationKind, Version};

/// A package of nothing that depends on a name.
fn dependant(name: &str, on: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: Version { epoch: 0, upstream: "1".to_owned(), release: "1".to_owned() },
        architecture: Architecture::Any,
        summary: "needs a module".to_owned(),
        description: "Nothing is in it.".to_owned(),
        maintainer: "evermod tests <tests@packages.invalid>".to_owned(),
        license: "MIT".to_owned(),
        relations: [(RelationKind::Depends, vec![Dependency::on(on)])].into(),
        ..Package::default()
    }
}
