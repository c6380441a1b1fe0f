//! The make command of a build, and the shell program that runs it (contract 2.6).

use crate::model::Directives;
use crate::pattern::matches;
use std::collections::BTreeMap;
use std::path::Path;

/// The command that builds a package for kernel `release`: the last MAKE whose MAKE_MATCH matches, else MAKE[0] where
/// it has no MAKE_MATCH, else kbuild's own. With `llvm`, ` LLVM=1` follows.
pub fn make_command(
    d: &Directives,
    release: &str,
    source_dir: &Path,
    build_dir: &Path,
    llvm: bool,
) -> String {
    let unconditional = d.make.get(&0).filter(|_| !d.make_match.contains_key(&0));
    let conditional = d.make.iter().rev().find_map(|(index, make)| {
        let pattern = d.make_match.get(index)?;
        matches(pattern, release).then_some(make)
    });
    let mut command = conditional
        .or(unconditional)
        .cloned()
        .unwrap_or_else(|| format!("make -C {} M={}", source_dir.display(), build_dir.display()));
    if llvm {
        command.push_str(" LLVM=1");
    }
    command
}

/// `make …` becomes `make -jN KERNELRELEASE=K …`; a command that starts in any other way, also with `'make'`, is left
/// alone. `jobs` 0 stands for a bare `-j`.
pub fn with_jobs(command: &str, jobs: usize, release: &str) -> String {
    match command.strip_prefix("make") {
        Some(rest) => {
            let jobs = if jobs == 0 { String::new() } else { jobs.to_string() };
            format!("make -j{jobs} KERNELRELEASE={release}{rest}")
        }
        None => command.to_string(),
    }
}

/// A word that bash reads as `text` and nothing else.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// What runs a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// These words, the first of which is `make`: there is nothing in them for bash to evaluate.
    Make(Vec<String>),
    /// A text for bash.
    Bash(String),
}

impl Program {
    /// The text for bash, in any case. It becomes a make with plain words and does not fork for it.
    pub fn text(&self) -> String {
        match self {
            Self::Make(words) => format!("exec {}\n", words.join(" ")),
            Self::Bash(text) => text.clone(),
        }
    }

    /// Has bash do something first, if there is anything to be done.
    pub fn after(self, first: &str) -> Self {
        if first.is_empty() { self } else { Self::Bash(format!("{first}{}", self.text())) }
    }
}

/// What evaluates `command` with the framework's variables set but not exported: most commands are a make with plain words,
/// which needs no shell.
///
/// All builds of a run share one job server, so an outer make's own `-j` is dropped: it would reset the job server.
/// Makes below it are kbuild's and inherit.
pub fn program(variables: &BTreeMap<String, String>, command: &str) -> Program {
    plain_make(command).map_or_else(|| Program::Bash(evaluated(variables, command)), Program::Make)
}

/// The words of a make command in which bash finds nothing to expand, less `-j`, as [`MAKE_FUNCTION`] drops it.
fn plain_make(command: &str) -> Option<Vec<String>> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+@% \t".contains(c);
    if !command.chars().all(is_plain) {
        return None;
    }
    let mut given = command.split_ascii_whitespace().peekable();
    let mut words = vec![given.next().filter(|first| *first == "make")?.to_string()];
    while let Some(word) = given.next() {
        if matches!(word, "-j" | "--jobs") {
            given.next_if(|next| next.bytes().all(|b| b.is_ascii_digit()));
        } else if !word.starts_with("--jobs=")
            && !word.strip_prefix("-j").is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()))
        {
            words.push(word.to_string());
        }
    }
    Some(words)
}

fn evaluated(variables: &BTreeMap<String, String>, command: &str) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        text.push_str(&format!("{name}={}\n", quoted(value)));
    }
    text.push_str(MAKE_FUNCTION);
    text.push_str(&format!("eval {}\n", quoted(command)));
    text
}

const MAKE_FUNCTION: &str = r#"make() {
  local words=()
  while (($#)); do
    case $1 in
      -j | --jobs) [[ ${2-} =~ ^[0-9]+$ ]] && shift ;;
      -j[0-9]* | --jobs=*) ;;
      *) words+=("$1") ;;
    esac
    shift
  done
  command make "${words[@]}"
}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selection() {
        let mut d = Directives::default();
        let command = |d: &Directives, k: &str| make_command(d, k, Path::new("/ks"), Path::new("/b"), false);
        assert_eq!(command(&d, "6.1"), "make -C /ks M=/b");
        d.make.insert(0, "make all".into());
        d.make.insert(2, "make new".into());
        assert_eq!(command(&d, "6.1"), "make all", "MAKE[2] without a match is ignored");
        d.make_match.insert(2, "^6\\.".into());
        assert_eq!(command(&d, "6.1"), "make new");
        assert_eq!(command(&d, "5.10"), "make all");
        d.make_match.insert(0, "^4".into());
        assert_eq!(command(&d, "5.10"), "make -C /ks M=/b", "MAKE[0] with a match is no default");
        assert_eq!(
            make_command(&d, "5.10", Path::new("/ks"), Path::new("/b"), true),
            "make -C /ks M=/b LLVM=1"
        );
    }

    #[test]
    fn jobs() {
        assert_eq!(with_jobs("make -C x", 4, "6.1"), "make -j4 KERNELRELEASE=6.1 -C x");
        assert_eq!(with_jobs("make", 0, "6.1"), "make -j KERNELRELEASE=6.1");
        assert_eq!(with_jobs("'make' all", 4, "6.1"), "'make' all");
        assert_eq!(with_jobs("cd src && make", 4, "6.1"), "cd src && make");
    }

    #[test]
    fn the_program_in_a_real_shell() {
        let variables = BTreeMap::from([("kernel_source_dir".to_string(), "/it's here".to_string())]);
        let command = "printf '%s\\n' \"$kernel_source_dir\"; make -j 4 -j2 --jobs=3 -C /x V='a b'";
        assert_eq!(run(&program(&variables, command).text()), "/it's here\n<make><-C></x><V=a b>");
    }

    /// What a program's make is given: `command` and `exec` stand in for it and print their arguments.
    fn run(program: &str) -> String {
        let print = "{ printf '<%s>' \"$@\"; }";
        let text = format!("command() {print}\nexec() {print}\n{program}");
        let out = std::process::Command::new("bash").args(["-c", &text]).output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    }

    #[test]
    fn plain_words_are_what_bash_makes_of_them() {
        let plain = [
            "make",
            "make -j2 KERNELRELEASE=6.12.117+deb12-amd64 -C /lib/modules/x/build M=/var/lib/dkms/m/1.0/build",
            "make -j KERNELRELEASE=6.1 \t V=1",
            "make -j 4 --jobs 4 --jobs=4 -j4x -jx all",
            "make --jobs all -j",
        ];
        for command in plain {
            let direct = program(&BTreeMap::new(), command);
            let Program::Make(words) = &direct else { panic!("{command}") };
            let given: String = words[1..].iter().map(|word| format!("<{word}>")).collect();
            assert_eq!(run(&direct.text()), format!("<make>{given}"), "{command}");
            assert_eq!(run(&direct.text()), run(&evaluated(&BTreeMap::new(), command)), "{command}");
        }
        let rest = [
            "make V='a b'",
            "make $x",
            "make a; b",
            "make M=~/x",
            "A=1 make",
            "makeit",
            "'make' all",
            "make a\nb",
        ];
        for command in rest {
            let text = evaluated(&BTreeMap::new(), command);
            assert_eq!(program(&BTreeMap::new(), command), Program::Bash(text));
        }
    }
}
