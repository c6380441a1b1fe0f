//! Completions of the name `dkms` for bash, zsh and fish, from the tables of its parser.

use evermod_core::cli::dkms::table::{ACTIONS, ActionSpec, OPTIONS, OptionSpec, Value};
use evermod_core::config::directive_table::NAMES;

/// The options that are worth offering.
fn offered() -> impl Iterator<Item = &'static OptionSpec> {
    OPTIONS.iter().filter(|option| !option.obsolete)
}

fn names(separator: &str, wanted: impl Fn(&ActionSpec) -> bool) -> String {
    ACTIONS.iter().filter(|a| wanted(a)).map(|a| a.name).collect::<Vec<_>>().join(separator)
}

fn takes_module(action: &ActionSpec) -> bool {
    action.operands.contains("<module>")
}

fn directives() -> Vec<String> {
    NAMES.iter().map(|name| format!("{name}=")).collect()
}

pub(crate) fn bash() -> String {
    let mut values = String::new();
    for option in OPTIONS.iter() {
        let Some(value) = option.value else { continue };
        let long = option.long.map(|long| if option.prefix { format!("{long}*") } else { long.to_owned() });
        let spellings: Vec<_> = option.short.map(str::to_owned).into_iter().chain(long).collect();
        let reply = match value {
            Value::Module => "COMPREPLY=($(compgen -W \"$(_dkms_modules)\" -- \"$cur\"))".to_owned(),
            Value::Version => {
                "COMPREPLY=($(compgen -W \"$(_dkms_versions \"$module\")\" -- \"$cur\"))".to_owned()
            }
            Value::Kernel => "COMPREPLY=($(compgen -W \"$(_dkms_kernels)\" -- \"$cur\"))".to_owned(),
            Value::Arch => "COMPREPLY=($(compgen -W \"$(uname -m)\" -- \"$cur\"))".to_owned(),
            Value::Number => "COMPREPLY=($(compgen -W \"$(nproc)\" -- \"$cur\"))".to_owned(),
            Value::File => "COMPREPLY=($(compgen -f -- \"$cur\"))".to_owned(),
            Value::Directory => "COMPREPLY=($(compgen -d -- \"$cur\"))".to_owned(),
            Value::Directive => format!(
                "compopt -o nospace 2>/dev/null; COMPREPLY=($(compgen -W '{}' -- \"$cur\"))",
                directives().join(" ")
            ),
        };
        values.push_str(&format!("        {}) {reply}; return ;;\n", spellings.join(" | ")));
    }
    let options: Vec<_> = offered().flat_map(|o| o.short.into_iter().chain(o.long)).collect();
    include_str!("completions/dkms.bash")
        .replace("@ACTIONS@", &names(" | ", |_| true))
        .replace("@ACTION_WORDS@", &names(" ", |_| true))
        .replace("@NO_OPERANDS@", &names(" | ", |a| a.operands.is_empty()))
        .replace("@OPTIONS@", &options.join(" "))
        .replace("@VALUES@\n", &values)
}

pub(crate) fn zsh() -> String {
    // Inside single quotes and brackets.
    let quoted =
        |text: &str| text.replace('\'', "'\\''").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
    let mut options = String::new();
    for option in offered() {
        let value = match option.value {
            None => "",
            Some(Value::Module) => ":module:_dkms_modules",
            Some(Value::Version) => ":version:_dkms_versions",
            Some(Value::Kernel) => ":kernel:_dkms_kernels",
            Some(Value::Arch) => ":architecture:_dkms_archs",
            Some(Value::Number) => ":number: ",
            Some(Value::File) => ":file:_files",
            Some(Value::Directory) => ":directory:_files -/",
            Some(Value::Directive) => ":directive:_dkms_directives",
        };
        let equals = if option.value.is_some() { "=" } else { "" };
        let spellings: Vec<_> = option
            .short
            .map(str::to_owned)
            .into_iter()
            .chain(option.long.map(|long| format!("{long}{equals}")))
            .collect();
        for spelling in &spellings {
            let others = if option.repeatable {
                "*".to_owned()
            } else {
                format!(
                    "({})",
                    option.short.iter().chain(&option.long).copied().collect::<Vec<_>>().join(" ")
                )
            };
            options.push_str(&format!("        '{others}{spelling}[{}]{value}' \\\n", quoted(option.brief)));
        }
    }
    let actions: String =
        ACTIONS.iter().map(|a| format!("        '{}:{}'\n", a.name, quoted(a.brief))).collect();
    include_str!("completions/_dkms")
        .replace("@ACTIONS@\n", &actions)
        .replace("@ACTION_NAMES@", &names(" | ", |_| true))
        .replace("@NO_OPERANDS@", &names(" | ", |a| a.operands.is_empty()))
        .replace("@DIRECTIVES@", &NAMES.join(" "))
        .replace("@OPTIONS@\n", &options)
}

pub(crate) fn fish() -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let actions: String = ACTIONS
        .iter()
        .map(|a| {
            let brief = quoted(a.brief);
            format!(
                "complete -c dkms -n \"not __fish_seen_subcommand_from $actions\" -a {} -d '{brief}'\n",
                a.name
            )
        })
        .collect();
    let mut options = String::new();
    for option in offered() {
        let short =
            option.short.map(|short| format!(" -s {}", short.trim_start_matches('-'))).unwrap_or_default();
        let long =
            option.long.map(|long| format!(" -l {}", long.trim_start_matches('-'))).unwrap_or_default();
        let value = match option.value {
            None => String::new(),
            Some(Value::Module) => " -x -a '(__dkms_modules)'".into(),
            Some(Value::Version) => " -x -a '(__dkms_versions)'".into(),
            Some(Value::Kernel) => " -x -a '(__dkms_kernels)'".into(),
            Some(Value::Arch) => " -x -a '(uname -m)'".into(),
            Some(Value::Number) => " -x".into(),
            Some(Value::File) => " -r -F".into(),
            Some(Value::Directory) => " -x -a '(__fish_complete_directories)'".into(),
            Some(Value::Directive) => format!(" -x -a '{}'", directives().join(" ")),
        };
        options.push_str(&format!("complete -c dkms{short}{long}{value} -d '{}'\n", quoted(option.brief)));
    }
    include_str!("completions/dkms.fish")
        .replace("@ACTIONS@\n", &actions)
        .replace("@ACTION_NAMES@", &names(" ", |_| true))
        .replace("@WITH_MODULE@", &names(" ", takes_module))
        .replace("@OPTIONS@\n", &options)
}
