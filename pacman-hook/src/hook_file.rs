//! Hooks of others (alpm-hooks(5)): whether one of them will run after ours, and for what.

/// What of a hook says when it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookFile {
    /// `When = PostTransaction`.
    pub is_post: bool,
    /// Its command.
    pub exec: String,
    /// The path patterns of triggers that fire on installation or upgrade; one with a `!` takes away.
    pub patterns: Vec<String>,
}

impl HookFile {
    /// Reads one.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut hook = Self::default();
        let (mut section, mut targets, mut brings, mut of_paths) = ("", Vec::new(), false, false);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines.chain(["[]"]) {
            if let Some(name) = line.strip_prefix('[') {
                let fired = std::mem::take(&mut targets);
                if brings && of_paths {
                    hook.patterns.extend(fired);
                }
                (section, brings, of_paths) = (name.trim_end_matches(']'), false, false);
                continue;
            }
            let (key, value) =
                line.split_once('=').map_or((line, ""), |(key, value)| (key.trim(), value.trim()));
            match (section, key) {
                ("Trigger", "Operation") => brings |= value != "Remove",
                ("Trigger", "Type") => of_paths = matches!(value, "Path" | "File"),
                ("Trigger", "Target") => targets.push(value.to_string()),
                ("Action", "When") => hook.is_post = value == "PostTransaction",
                ("Action", "Exec") => hook.exec = value.to_string(),
                _ => {}
            }
        }
        hook
    }

    /// Whether a path that comes makes it run. `glob` says whether a shell pattern, in which `*` crosses slashes, fits a text.
    #[must_use]
    pub fn takes(&self, path: &str, glob: &dyn Fn(&str, &str) -> bool) -> bool {
        // The last pattern that fits decides.
        let fits = |pattern: &&String| glob(pattern.trim_start_matches('!').trim_start_matches('/'), path);
        self.patterns.iter().rev().find(fits).is_some_and(|pattern| !pattern.starts_with('!'))
    }
}
