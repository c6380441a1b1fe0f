//! From variables to [`Directives`], with everything that is to be said about them (contract 2.3 and 2.4).

use super::findings::{Finding, FindingKind, Severity};
use super::literal::MAX_INDEX;
use super::vars::Vars;
use crate::model::{Directives, Exclusive, ModuleId, Patch, Record};
use std::collections::{BTreeMap, BTreeSet};

/// Makes directives of `vars`.
///
/// `strict` is DKMS's reading for add, build and install: duplicates are errors, deprecated directives are named.
/// `module` is what the package is registered as, if it is. The directives are of use only without a finding of
/// severity [`Severity::Error`].
pub fn resolve(vars: &Vars, strict: bool, module: Option<&ModuleId>) -> (Directives, Vec<Finding>) {
    let mut reader = Resolver { vars, findings: Vec::new() };
    let package_name = reader.required("PACKAGE_NAME");
    let package_version = reader.required("PACKAGE_VERSION");
    let records = reader.records(&package_name);
    let autoinstall = reader.boolean("AUTOINSTALL");
    let build_depends_rebuild = reader.boolean("BUILD_DEPENDS_REBUILD");
    let no_weak_modules = reader.boolean("NO_WEAK_MODULES");
    let obsolete_by = reader.optional("OBSOLETE_BY");
    let mut exclusive = reader.exclusive(0);
    // Since DKMS 3.1.8 OBSOLETE_BY is also an upper limit of its own.
    exclusive.kernel_max = exclusive.kernel_max.or_else(|| obsolete_by.clone());
    let directives = Directives {
        package_name,
        package_version,
        records,
        make: reader.sparse("MAKE"),
        make_match: reader.sparse("MAKE_MATCH"),
        patches: reader.patches(),
        autoinstall,
        build_depends: reader.words("BUILD_DEPENDS"),
        build_depends_rebuild,
        exclusive,
        obsolete_by,
        no_weak_modules,
        pre_build: reader.optional("PRE_BUILD"),
        post_build: reader.optional("POST_BUILD"),
        pre_install: reader.optional("PRE_INSTALL"),
        post_install: reader.optional("POST_INSTALL"),
        post_add: reader.optional("POST_ADD"),
        post_remove: reader.optional("POST_REMOVE"),
    };
    if strict {
        reader.strictly(&directives, module);
    }
    (directives, reader.findings)
}

struct Resolver<'a> {
    vars: &'a Vars,
    findings: Vec<Finding>,
}

impl Resolver<'_> {
    fn say(&mut self, severity: Severity, kind: FindingKind, record: Option<usize>, message: String) {
        self.findings.push(Finding { severity, kind, record, message });
    }

    fn error(&mut self, kind: FindingKind, record: Option<usize>, message: String) {
        self.say(Severity::Error, kind, record, message);
    }

    /// A value that is there and not empty: to DKMS an empty directive is one that is not set.
    fn value(&self, name: &str, index: usize) -> Option<&str> {
        self.vars.element(name, index).filter(|value| !value.is_empty())
    }

    fn optional(&self, name: &str) -> Option<String> {
        self.value(name, 0).map(str::to_string)
    }

    fn required(&mut self, name: &str) -> String {
        let value = self.optional(name);
        if value.is_none() {
            self.error(FindingKind::Missing, None, format!("No '{name}' directive specified."));
        }
        value.unwrap_or_default()
    }

    fn boolean(&mut self, name: &str) -> bool {
        let value = self.value(name, 0).unwrap_or_default().to_ascii_lowercase();
        match value.as_str() {
            "yes" => true,
            "no" | "" => false,
            _ => {
                let written = self.value(name, 0).unwrap_or_default().to_string();
                self.error(
                    FindingKind::Boolean,
                    None,
                    format!("Unsupported {name} value '{written}' (yes or no)."),
                );
                false
            }
        }
    }

    fn sparse(&self, name: &str) -> BTreeMap<usize, String> {
        let elements = self.vars.elements(name).into_iter().flatten();
        elements
            .filter(|(_, value)| !value.is_empty())
            .map(|(index, value)| (*index, value.clone()))
            .collect()
    }

    fn words(&self, name: &str) -> Vec<String> {
        let elements = self.vars.elements(name).into_iter().flatten();
        elements.flat_map(|(_, value)| value.split_whitespace()).map(str::to_string).collect()
    }

    fn patches(&self) -> Vec<Patch> {
        let matches = self.sparse("PATCH_MATCH");
        let patches = self.sparse("PATCH").into_iter();
        patches.map(|(index, file)| Patch { file, matches: matches.get(&index).cloned() }).collect()
    }

    fn exclusive(&self, index: usize) -> Exclusive {
        let value = |name: &str| self.value(name, index).map(str::to_string);
        Exclusive {
            kernel: value("BUILD_EXCLUSIVE_KERNEL"),
            kernel_min: value("BUILD_EXCLUSIVE_KERNEL_MIN"),
            kernel_max: value("BUILD_EXCLUSIVE_KERNEL_MAX"),
            arch: value("BUILD_EXCLUSIVE_ARCH"),
            config: value("BUILD_EXCLUSIVE_CONFIG")
                .iter()
                .flat_map(|words| words.split_whitespace())
                .map(str::to_string)
                .collect(),
        }
    }

    /// One record for each index up to the highest that any of the four arrays uses: a hole is an error of its own.
    fn records(&mut self, package_name: &str) -> Vec<Record> {
        let arrays =
            ["BUILT_MODULE_NAME", "BUILT_MODULE_LOCATION", "DEST_MODULE_NAME", "DEST_MODULE_LOCATION"];
        let last =
            |name: &str| self.vars.elements(name).and_then(|e| e.last_key_value()).map(|(index, _)| *index);
        let count =
            arrays.iter().filter_map(|name| last(name)).max().map_or(0, |index| index.saturating_add(1));
        if count > MAX_INDEX {
            self.error(
                FindingKind::Index,
                None,
                format!("Module number {} is beyond all reason.", count - 1),
            );
            return Vec::new();
        }
        let records: Vec<Record> = (0..count).map(|index| self.record(index, count, package_name)).collect();
        let used = |name: &str| self.vars.elements(name).map_or(0, BTreeMap::len);
        let names = used("BUILT_MODULE_NAME");
        if names > 1 && names != used("DEST_MODULE_LOCATION") {
            let message = "BUILT_MODULE_NAME and DEST_MODULE_LOCATION differ in length.".to_string();
            self.error(FindingKind::LengthMismatch, None, message);
        }
        records
    }

    fn record(&mut self, index: usize, count: usize, package_name: &str) -> Record {
        let value = |name: &str| self.value(name, index).unwrap_or_default().to_string();
        let mut built_name = value("BUILT_MODULE_NAME");
        if built_name.is_empty() && count == 1 {
            built_name = package_name.to_string();
        }
        let mut dest_name = value("DEST_MODULE_NAME");
        if dest_name.is_empty() {
            dest_name = built_name.clone();
        }
        let mut built_location = value("BUILT_MODULE_LOCATION");
        if !built_location.is_empty() {
            built_location.truncate(built_location.trim_end_matches('/').len());
            built_location.push('/');
        }
        let dest_location = value("DEST_MODULE_LOCATION");
        let at = Some(index);
        if built_name.is_empty() {
            let message = format!("No 'BUILT_MODULE_NAME' directive specified for record #{index}.");
            self.error(FindingKind::Missing, at, message);
        }
        for (directive, name) in [("BUILT_MODULE_NAME", &built_name), ("DEST_MODULE_NAME", &dest_name)] {
            if name.ends_with(".o") || name.ends_with(".ko") {
                let message = format!("'{directive}' directive ends in '.o' or '.ko' in record #{index}.");
                self.error(FindingKind::Suffix, at, message);
            }
        }
        if dest_location.is_empty() {
            let message = format!("No 'DEST_MODULE_LOCATION' directive specified for record #{index}.");
            self.error(FindingKind::Missing, at, message);
        } else if !["/kernel", "/updates", "/extra"].iter().any(|start| dest_location.starts_with(start)) {
            let message = format!(
                "Directive 'DEST_MODULE_LOCATION' does not begin with '/kernel', '/updates', or '/extra' in record #{index}."
            );
            self.error(FindingKind::Destination, at, message);
        }
        if dest_name.contains('/') || dest_location.split('/').any(|part| part == "..") {
            let message = format!("Record #{index} would be installed outside its directory.");
            self.error(FindingKind::Escapes, at, message);
        }
        Record {
            built_name,
            built_location,
            dest_name,
            dest_location,
            strip: self.strip(index),
            exclusive: if index == 0 { Exclusive::default() } else { self.exclusive(index) },
        }
    }

    /// Anything that is not a no is a yes; what is not set is as element 0.
    fn strip(&self, index: usize) -> bool {
        let value = self.value("STRIP", index).or_else(|| self.value("STRIP", 0));
        !value.is_some_and(|value| value.starts_with(['n', 'N']))
    }

    fn strictly(&mut self, directives: &Directives, module: Option<&ModuleId>) {
        for name in [
            "MODULES_CONF",
            "MODULES_CONF_ALIAS_TYPE",
            "MODULES_CONF_OBSOLETES",
            "MODULES_CONF_OBSOLETE_ONLY",
        ]
        .into_iter()
        .chain(["REMAKE_INITRD", "OBSOLETE_BY"])
        {
            if !self.sparse(name).is_empty() {
                self.say(
                    Severity::Deprecated,
                    FindingKind::Deprecated,
                    None,
                    format!("{name} is deprecated."),
                );
            }
        }
        let clean = self.value("CLEAN", 0);
        if clean.is_some_and(|clean| !["true", "/bin/true", "/usr/bin/true"].contains(&clean)) {
            let message = "CLEAN is deprecated: it is never run.".to_string();
            self.say(Severity::Deprecated, FindingKind::Deprecated, None, message);
        }
        if directives.records.is_empty() {
            self.say(
                Severity::Warning,
                FindingKind::ZeroModules,
                None,
                "Zero modules specified.".to_string(),
            );
        }
        let (mut built, mut dest) = (BTreeSet::new(), BTreeSet::new());
        for (index, record) in directives.records.iter().enumerate() {
            let file = format!("{}{}", record.built_location, record.built_name);
            if !record.built_name.is_empty() && !built.insert(file.clone()) {
                let message = format!("Duplicate module '{file}' in 'BUILT_MODULE_NAME[{index}]'.");
                self.error(FindingKind::Duplicate, Some(index), message);
            }
            if !record.dest_name.is_empty() && !dest.insert(&record.dest_name) {
                let message =
                    format!("Duplicate module '{}' in 'DEST_MODULE_NAME[{index}]'.", record.dest_name);
                self.error(FindingKind::Duplicate, Some(index), message);
            }
        }
        if let Some(module) = module {
            for (directive, says, is) in [
                ("PACKAGE_NAME", &directives.package_name, &module.name),
                ("PACKAGE_VERSION", &directives.package_version, &module.version),
            ] {
                if !says.is_empty() && says != is {
                    let message = format!("{directive} is '{says}', but the module is registered as '{is}'.");
                    self.say(Severity::Warning, FindingKind::Identity, None, message);
                }
            }
        }
    }
}
