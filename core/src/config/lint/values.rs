//! Rules about the values that the readers found.

use super::rules::of_kind;
use super::{Level, Linter, Subject};
use crate::config::directive_table::Kind;
use crate::config::load::LoadedModule;
use crate::config::vars::{Elements, Vars};
use crate::model::{ModuleId, compare};
use crate::pattern;
use std::cmp::Ordering;

pub(super) fn check(linter: &mut Linter<'_>, loaded: &LoadedModule, subject: &Subject<'_>) {
    let vars = &loaded.vars;
    if !subject.is_override {
        identity(linter, vars, subject.module);
        autoinstall(linter, vars);
        gaps(linter, vars);
        pairs(linter, vars);
    }
    patterns(linter, vars);
    commands(linter, vars, subject.kernel);
    globs(linter, vars);
    depends(linter, vars);
    destinations(linter, vars);
    words(linter, vars);
    ranges(linter, vars);
}

fn elements<'v>(vars: &'v Vars, name: &str) -> impl Iterator<Item = (usize, &'v str)> {
    vars.elements(name)
        .into_iter()
        .flat_map(Elements::iter)
        .map(|(index, value)| (*index, value.as_str()))
        .filter(|(_, value)| !value.is_empty())
}

fn identity(linter: &mut Linter<'_>, vars: &Vars, module: Option<&ModuleId>) {
    let (Some(name), Some(version)) = (vars.scalar("PACKAGE_NAME"), vars.scalar("PACKAGE_VERSION")) else {
        return;
    };
    for (directive, value, is) in [
        ("PACKAGE_NAME", name, module.map(|m| &m.name)),
        ("PACKAGE_VERSION", version, module.map(|m| &m.version)),
    ] {
        let span = linter.value_of(directive, 0);
        if value.contains('#') || (value.starts_with('@') && value.ends_with('@')) {
            linter.say(
                Level::Warning,
                "placeholder",
                span,
                format!("{directive} is '{value}', which packaging was to replace"),
                "install the file that packaging makes, not its template",
            );
        } else if let Some(is) = is.filter(|is| *is != value) {
            linter.say(
                Level::Warning,
                "identity",
                span,
                format!("{directive} is '{value}', but the directory says '{is}'"),
                "the directory is to be called NAME-VERSION after these two",
            );
        }
    }
    let valid = ModuleId::new(name, version);
    if let (false, Err(error)) = (name.is_empty() || version.is_empty(), valid) {
        let span = linter.value_of("PACKAGE_NAME", 0);
        linter.say(Level::Error, "name", span, error.to_string(), "");
    }
}

fn autoinstall(linter: &mut Linter<'_>, vars: &Vars) {
    if vars.scalar("AUTOINSTALL").is_none() && vars.scalar("PACKAGE_NAME").is_some() {
        let span = linter.name_of("PACKAGE_NAME", 0);
        linter.say(
            Level::Advice,
            "no-autoinstall",
            span,
            "without AUTOINSTALL the module is not built for new kernels",
            "add AUTOINSTALL=\"yes\", or \"no\" if that is meant",
        );
    }
}

/// DKMS counts its way through these, and stops too early where an index is left out.
fn gaps(linter: &mut Linter<'_>, vars: &Vars) {
    for name in ["MAKE", "PATCH"] {
        let indices: Vec<_> = elements(vars, name).map(|(index, _)| index).collect();
        let Some(gap) = (0..indices.len()).find(|index| !indices.contains(index)) else { continue };
        let Some(after) = indices.iter().find(|index| **index > gap) else { continue };
        let span = linter.name_of(name, *after);
        linter.say(
            Level::Warning,
            "gap",
            span,
            format!("there is no {name}[{gap}], so DKMS may not come to {name}[{after}]"),
            "number them from 0 without gaps",
        );
    }
}

/// Lists that belong together.
fn pairs(linter: &mut Linter<'_>, vars: &Vars) {
    let set = |name: &str, index| vars.element(name, index).is_some_and(|value| !value.is_empty());
    for (index, _) in elements(vars, "MAKE").filter(|(index, _)| *index > 0 && !set("MAKE_MATCH", *index)) {
        let span = linter.name_of("MAKE", index);
        let message = format!("MAKE[{index}] is never used: it has no MAKE_MATCH[{index}]");
        linter.say(Level::Warning, "pair", span, message, "say for which kernels it is");
    }
    for (of, name) in [("MAKE", "MAKE_MATCH"), ("PATCH", "PATCH_MATCH")] {
        for (index, _) in elements(vars, name).filter(|(index, _)| !set(of, *index)) {
            // MAKE_MATCH without MAKE means the default command.
            let span = linter.name_of(name, index);
            let message = format!("{name}[{index}] has no {of}[{index}] that it could be about");
            linter.say(Level::Warning, "pair", span, message, "");
        }
    }
}

fn patterns(linter: &mut Linter<'_>, vars: &Vars) {
    for name in of_kind(Kind::Pattern) {
        for (index, value) in elements(vars, name) {
            let Some(fault) = pattern::fault(value) else { continue };
            let span = linter.value_of(name, index);
            let hint = if fault.contains("backreferences") {
                "back-references are not understood here; write the alternatives out"
            } else {
                "write an extended regular expression, as in grep -E"
            };
            let message = format!("{name} can match no kernel: {fault}");
            linter.say(Level::Error, "pattern", span, message, hint);
        }
    }
}

/// A make that is not told which kernel builds for the running one.
fn commands(linter: &mut Linter<'_>, vars: &Vars, kernel: &str) {
    for (index, value) in elements(vars, "MAKE") {
        let span = linter.value_of("MAKE", index);
        let raw = linter.text.get(span.clone()).unwrap_or_default();
        let told = ["kernelver", "kernel_source_dir", "KERNELRELEASE", kernel]
            .iter()
            .any(|word| raw.contains(word) || value.contains(word));
        let runs_make =
            value.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').any(|word| word == "make");
        // DKMS itself tells a command that begins with make.
        if !told && runs_make && !value.starts_with("make") && linter.scan.find("MAKE", index).is_some() {
            linter.say(
                Level::Warning,
                "fixed-kernel",
                span,
                "nothing in this command says which kernel to build for",
                "give it $kernelver or $kernel_source_dir, or let it begin with make",
            );
        }
    }
}

/// DKMS has its values expanded in whatever directory it was called from.
fn globs(linter: &mut Linter<'_>, vars: &Vars) {
    let names = of_kind(Kind::Command).chain(of_kind(Kind::Script)).chain(of_kind(Kind::Patch));
    for name in names.chain(["BUILT_MODULE_NAME", "BUILT_MODULE_LOCATION", "BUILD_DEPENDS"]) {
        for (index, value) in elements(vars, name) {
            if without_single_quoted(value).contains(['*', '?']) {
                let span = linter.value_of(name, index);
                linter.say(
                    Level::Warning,
                    "glob",
                    span,
                    format!("DKMS expands the pattern in {name} in the directory that it is called from"),
                    "move the pattern into a makefile or a script",
                );
            }
        }
    }
}

fn without_single_quoted(value: &str) -> String {
    value.split('\'').step_by(2).collect()
}

fn depends(linter: &mut Linter<'_>, vars: &Vars) {
    for (index, value) in elements(vars, "BUILD_DEPENDS") {
        if value.split_whitespace().nth(1).is_some() {
            let span = linter.value_of("BUILD_DEPENDS", index);
            linter.say(
                Level::Warning,
                "depends",
                span,
                "DKMS takes this for one name with a blank in it, and refuses to build",
                "write a list: BUILD_DEPENDS=(one two)",
            );
        }
    }
}

fn destinations(linter: &mut Linter<'_>, vars: &Vars) {
    for (index, value) in elements(vars, "DEST_MODULE_LOCATION") {
        let odd = ["/kernel", "/updates", "/extra"].iter().find(|start| {
            value.strip_prefix(**start).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        });
        if let Some(start) = odd {
            let span = linter.value_of("DEST_MODULE_LOCATION", index);
            linter.say(
                Level::Warning,
                "destination",
                span,
                format!("'{value}' is not below {start}; it only begins with the same letters"),
                "use /updates/dkms, or a directory below /kernel",
            );
        }
    }
}

fn words(linter: &mut Linter<'_>, vars: &Vars) {
    for (index, value) in elements(vars, "STRIP") {
        if !value.starts_with(['y', 'Y', 'n', 'N']) {
            let span = linter.value_of("STRIP", index);
            linter.say(
                Level::Warning,
                "strip",
                span,
                format!("STRIP is '{value}', which counts as yes"),
                "write yes or no",
            );
        }
    }
    for (index, value) in elements(vars, "BUILD_EXCLUSIVE_CONFIG") {
        for word in value.split_whitespace() {
            let option = word.strip_prefix('!').unwrap_or(word);
            if !option.starts_with("CONFIG_") || option.contains('=') {
                let span = linter.value_of("BUILD_EXCLUSIVE_CONFIG", index);
                let message = format!("'{word}' is no option of a kernel configuration");
                linter.say(
                    Level::Warning,
                    "config-word",
                    span,
                    message,
                    "write CONFIG_X or !CONFIG_X, parted by blanks",
                );
            }
        }
    }
}

fn ranges(linter: &mut Linter<'_>, vars: &Vars) {
    for (index, low) in elements(vars, "BUILD_EXCLUSIVE_KERNEL_MIN") {
        let high = vars.element("BUILD_EXCLUSIVE_KERNEL_MAX", index).filter(|high| !high.is_empty());
        if let Some(high) = high.filter(|high| compare(low, high) == Ordering::Greater) {
            let span = linter.value_of("BUILD_EXCLUSIVE_KERNEL_MAX", index);
            let message = format!("no kernel is from {low} and up to {high}");
            linter.say(Level::Error, "range", span, message, "exchange the two");
        }
    }
}
