//! pacman's command line (pacman(8)), as `/proc/PID/cmdline` has it.

/// A package that is named for installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// A file; relative to pacman's working directory unless it begins with `/`.
    File(String),
    /// The name of a file that is downloaded first, from its URL's end.
    Download(String),
}

/// What of the command line says where package files are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// `-U` and the packages after it; none where packages come from repositories.
    pub upgrade: Vec<Operand>,
    /// `--cachedir`s, which replace those of the configuration.
    pub cache_dirs: Vec<String>,
    /// `--config`.
    pub config: Option<String>,
    /// `-R`: nothing comes.
    pub is_removal: bool,
    /// `--root` or `--sysroot`: paths of this command line are outside the root that a hook sees.
    pub is_elsewhere: bool,
}

/// Options whose value is a word of its own unless it follows a `=`.
const WITH_VALUE: &str = "arch ask assume-installed cachedir color config dbpath gpgdir hookdir ignore ignoregroup logfile \
                          overwrite print-format root sysroot";

impl CommandLine {
    /// Reads words that are ended by NUL. `None` if they are another program's.
    #[must_use]
    pub fn read(cmdline: &str) -> Option<Self> {
        let mut words = cmdline.trim_end_matches('\0').split('\0');
        let program = words.next()?;
        if program.rsplit('/').next() != Some("pacman") {
            return None;
        }
        let mut read = Self::default();
        let (mut is_upgrade, mut operands) = (false, Vec::new());
        while let Some(word) = words.next() {
            if word == "--" {
                operands.extend(words.by_ref());
            } else if let Some(long) = word.strip_prefix("--") {
                let (name, mut value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (long, None),
                };
                if value.is_none() && WITH_VALUE.split(' ').any(|option| option == name) {
                    value = words.next();
                }
                is_upgrade |= name == "upgrade";
                read.is_removal |= name == "remove";
                read.set(name, value);
            } else if let Some(short) = word.strip_prefix('-').filter(|short| !short.is_empty()) {
                for (at, letter) in short.char_indices() {
                    is_upgrade |= letter == 'U';
                    read.is_removal |= letter == 'R';
                    if matches!(letter, 'b' | 'r') {
                        let rest = short.get(at + 1..).filter(|rest| !rest.is_empty());
                        read.set(
                            if letter == 'r' { "root" } else { "dbpath" },
                            rest.or_else(|| words.next()),
                        );
                        break;
                    }
                }
            } else {
                operands.push(word);
            }
        }
        if is_upgrade {
            read.upgrade = operands.into_iter().filter_map(operand).collect();
        }
        Some(read)
    }

    fn set(&mut self, option: &str, value: Option<&str>) {
        match (option, value) {
            ("cachedir", Some(dir)) => self.cache_dirs.push(dir.to_string()),
            ("config", Some(file)) => self.config = Some(file.to_string()),
            ("root" | "sysroot", Some(dir)) => self.is_elsewhere |= !dir.trim_end_matches('/').is_empty(),
            _ => {}
        }
    }
}

fn operand(word: &str) -> Option<Operand> {
    match word.split_once("://") {
        Some(("file", path)) => Some(Operand::File(path.to_string())),
        Some(_) => word
            .rsplit('/')
            .next()
            .filter(|name| !name.is_empty())
            .map(|name| Operand::Download(name.to_string())),
        None => Some(Operand::File(word.to_string())),
    }
}
