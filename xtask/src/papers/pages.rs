//! What the templates in `docs/man` leave to the tables.

use evermod_core::cli::dkms::table::{ACTIONS, All, Kernels, Needs, OPTIONS, OptionSpec};
use evermod_core::config::directive_table::{DIRECTIVES, DirectiveSpec, Group};
use evermod_core::config::evermod_toml::SETTINGS;
use evermod_core::config::framework_table::VARIABLES;
use evermod_core::model::EXIT_CODES;

use super::roff;

/// All parts, by the names that the templates have for them.
pub(crate) fn parts() -> Vec<(&'static str, String)> {
    let mut parts = vec![
        ("ACTIONS", actions()),
        ("OPTIONS", options()),
        ("DROPPED", dropped()),
        ("VARIABLES", variables()),
        ("EXIT_CODES", exit_codes()),
        ("DEPRECATED", deprecated()),
        ("SETTINGS", settings()),
    ];
    for (name, group) in [
        ("WHAT", Group::What),
        ("HOW", Group::How),
        ("KERNELS", Group::Kernels),
        ("SCRIPTS", Group::Scripts),
        ("IDLE", Group::Idle),
    ] {
        parts.push((name, directives(group)));
    }
    parts
}

fn actions() -> String {
    let mut text = String::new();
    for action in &ACTIONS {
        let mut body = action.text.to_owned();
        body.push_str(match action.needs {
            Needs::Nothing => "",
            Needs::WritableTree => " Needs write access to the DKMS tree.",
            Needs::WritableKeys => " Needs write access to the directory of the key.",
            Needs::Root => " Needs root.",
        });
        body.push_str(match (action.kernels, action.all) {
            (Kernels::Several, All::Takes) => " Takes any number of `-k`, or `--all`.",
            (Kernels::Several, _) => " Takes any number of `-k`.",
            (Kernels::One, _) => " Takes one `-k`.",
            (Kernels::OneGiven, _) => " Needs exactly one `-k`.",
            (Kernels::None | Kernels::Filter, _) => "",
        });
        let head = format!("`{}` {}", action.name, action.operands);
        text.push_str(&roff::item(head.trim_end(), &body));
    }
    text
}

/// An option with its value, as a synopsis shows it.
fn head(option: &OptionSpec) -> String {
    let value = option.value.map(|value| format!(" {}", value.name())).unwrap_or_default();
    let spelling = |name: &&'static str| format!("`{name}`{value}");
    option.short.iter().chain(&option.long).map(spelling).collect::<Vec<_>>().join(", ")
}

fn options() -> String {
    let mut text = String::new();
    for option in OPTIONS.iter().filter(|option| !option.obsolete) {
        text.push_str(&roff::item(&head(option), option.text));
    }
    text
}

fn dropped() -> String {
    let names: Vec<_> = OPTIONS
        .iter()
        .filter(|option| option.obsolete)
        .flat_map(|option| option.long)
        .map(|name| format!("`{name}`"))
        .collect();
    format!(
        "{}\n",
        roff::sentences(&format!("{} are accepted with a warning and change nothing.", names.join(", ")))
    )
}

fn variables() -> String {
    let mut text = String::new();
    for variable in &VARIABLES {
        let mut body = variable.text.to_owned();
        if !variable.default.is_empty() {
            body.push_str(&format!(" Default: {}.", variable.default));
        }
        if variable.from_environment {
            body.push_str(" Taken from the environment where no file sets it.");
        }
        text.push_str(&roff::item(&format!("`{}`", variable.name), &body));
    }
    text
}

fn exit_codes() -> String {
    let mut text = String::new();
    for (code, meaning) in EXIT_CODES {
        text.push_str(&roff::item(&format!("`{code}`"), meaning));
    }
    text
}

fn directives(group: Group) -> String {
    let mut text = String::new();
    for directive in DIRECTIVES.iter().filter(|d| d.group == group && !d.text.is_empty()) {
        let mut body = directive.text.to_owned();
        if !directive.default.is_empty() {
            body.push_str(&format!(" Default: {}.", directive.default));
        }
        text.push_str(&roff::item(&directive_head(directive), &body));
    }
    text
}

fn directive_head(directive: &DirectiveSpec) -> String {
    let index = if directive.list { "[]" } else { "" };
    let required = match (directive.required, directive.list) {
        (false, _) => "",
        (true, false) => " (required)",
        (true, true) => " (required for each file)",
    };
    format!("`{}{index}`{required}", directive.name)
}

/// What lint tells of the directives that no longer do anything.
fn deprecated() -> String {
    let mut text = String::new();
    for directive in DIRECTIVES.iter().filter(|d| d.text.is_empty()) {
        let why = directive.deprecated.unwrap_or_default();
        text.push_str(&roff::item(&format!("`{}`", directive.name), &format!("Deprecated: {why}.")));
    }
    text
}

fn settings() -> String {
    let mut text = String::new();
    let mut table = "";
    for setting in &SETTINGS {
        if setting.table != table {
            table = setting.table;
            text.push_str(&format!(".SS [{table}]\n"));
        }
        let body = format!("{} Default: {}.", setting.text, setting.default);
        text.push_str(&roff::item(&format!("`{}` = {}", setting.name, setting.value), &body));
    }
    text
}
