//! Evaluates one file after another into variables, each seeing what those before it set.

use super::literal::{self, NotLiteral};
use super::mangle::{Rereading, collapse, reread_all};
use super::shell::{Shell, ShellError, ShellJob, Task, syntax_error};
use super::vars::Vars;
use crate::root::Root;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io;
use std::path::{Path, PathBuf};

/// Variables with this prefix hold `NAME=value` (contract 2.1, item 7).
const DIRECTIVE_PREFIX: &str = "DKMS_DIRECTIVE";

/// The largest real one has some ten kilobytes.
const MAX_FILE: u64 = 1 << 20;

/// Why a configuration could not be had at all.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The file, as a path inside the root.
        path: PathBuf,
    },
    /// A file could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is not valid shell.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax {
        /// The file, as a path inside the root.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What bash said.
        message: String,
    },
    /// The file needs a shell, which did not do it.
    #[error("{}:{}:{}: needs a shell ({}): {source}", path.display(), place.line, place.column, place.why)]
    Shell {
        /// The file, as a path inside the root.
        path: PathBuf,
        /// What in it needs the shell.
        place: NotLiteral,
        /// What became of that.
        source: ShellError,
    },
    /// A `--directive` is not `NAME=value`.
    #[error("'{0}' is not NAME=value")]
    Directive(String),
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its path inside the root.
    pub path: PathBuf,
    /// The SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

/// What a file held when it was read.
#[derive(Debug, Clone)]
pub struct Content {
    bytes: Vec<u8>,
    sha256: String,
}

impl Content {
    /// Reads the file at `path` inside the root; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(root: &Root, path: &Path) -> io::Result<Option<Self>> {
        match read_regular(&root.opened(path)?) {
            Ok(bytes) => {
                Ok(bytes.map(|bytes| Self { sha256: format!("{:x}", Sha256::digest(&bytes)), bytes }))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Its digest, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

/// Who evaluated the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvaluatedBy {
    /// The literal reader, in process.
    Literal,
    /// A shell, because of this place in this file (the first, if there were several).
    Shell {
        /// The file, as a path inside the root.
        path: PathBuf,
        /// What in it needs a shell.
        place: NotLiteral,
    },
}

/// Something that evaluation met and went on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The file wrote this to stderr.
    Said(String),
    /// The file called `exit` with this status, so nothing that it set counts.
    Exited(i32),
    /// The value of `NAME[index]` fell apart when it was read again, so it counts as not set.
    Destroyed(String, usize, &'static str),
}

/// An evaluation under way, and its result.
pub struct Evaluation<'a> {
    root: &'a Root,
    shell: &'a dyn Shell,
    names: &'a [&'a str],
    /// What the next file sees.
    scope: Vars,
    /// The wanted variables so far.
    pub vars: Vars,
    /// The files read so far.
    pub sources: Vec<Source>,
    /// What was met, with the file (a path inside the root) where it was.
    pub notes: Vec<(PathBuf, Note)>,
    /// Who evaluated.
    pub by: EvaluatedBy,
}

impl<'a> Evaluation<'a> {
    /// Begins with the variables of `scope`; `names` are those that are wanted.
    pub fn new(root: &'a Root, shell: &'a dyn Shell, names: &'a [&'a str], scope: Vars) -> Self {
        Self {
            root,
            shell,
            names,
            scope,
            vars: Vars::new(),
            sources: Vec::new(),
            notes: Vec::new(),
            by: EvaluatedBy::Literal,
        }
    }

    /// Reads and evaluates the file at `path` inside the root; false if there is none.
    ///
    /// # Errors
    /// It cannot be read or evaluated.
    pub fn file(&mut self, path: &Path) -> Result<bool, ConfigError> {
        let Some(content) = Content::read(self.root, path)? else { return Ok(false) };
        self.content(path, &content)?;
        Ok(true)
    }

    /// Evaluates what the file at `path` inside the root holds.
    ///
    /// # Errors
    /// It cannot be evaluated.
    pub fn content(&mut self, path: &Path, content: &Content) -> Result<(), ConfigError> {
        self.sources.push(Source { path: path.to_path_buf(), sha256: content.sha256.clone() });
        let mut read = match read_literal(&content.bytes, &self.scope) {
            Ok(vars) => vars,
            Err(refused) => self.read_by_shell(path, &content.bytes, refused)?,
        };
        let given: Vec<String> = read
            .iter()
            .filter(|(name, _)| name.starts_with(DIRECTIVE_PREFIX))
            .flat_map(|(_, elements)| elements.get(&0))
            .map(|value| collapse(value))
            .collect();
        read.retain(|name| self.names.contains(&name));
        self.take(path, &read)?;
        for directive in given {
            if let Some((name, value)) = directive.split_once('=') {
                self.set(name, value);
            }
        }
        Ok(())
    }

    /// Sets a wanted variable as `--directive` does, without reading the value again.
    pub fn set(&mut self, name: &str, value: &str) {
        if self.names.contains(&name) {
            self.vars.set(name, value);
            self.scope.set(name, value);
        }
    }

    fn job(&self, place: &Path, task: Task, scope: Vars) -> ShellJob {
        let directory = place.parent().unwrap_or(Path::new("/")).to_path_buf();
        ShellJob {
            task,
            scope,
            names: self.names.iter().map(|name| name.to_string()).collect(),
            prefix: Some(DIRECTIVE_PREFIX.to_string()),
            directory,
            readable: self.readable(),
        }
    }

    /// The trees that a file may look at.
    fn readable(&self) -> Vec<PathBuf> {
        ["kernel_source_dir", "source_tree", "dkms_tree", "install_tree", "kernel_config"]
            .iter()
            .filter_map(|tree| self.scope.scalar(tree))
            .filter(|path| path.starts_with('/') && *path != "/")
            .flat_map(|path| [Some(self.root.at(path)), self.root.resolve(path).ok()])
            .flatten()
            .collect()
    }

    fn shell_was_needed(&mut self, path: &Path, place: &NotLiteral) {
        if self.by == EvaluatedBy::Literal {
            self.by = EvaluatedBy::Shell { path: path.to_path_buf(), place: place.clone() };
        }
    }

    fn read_by_shell(&mut self, path: &Path, bytes: &[u8], refused: NotLiteral) -> Result<Vars, ConfigError> {
        // Only a shell has to be told the file's true place: finding it costs a system call for each directory.
        let place = self.root.resolve(path)?;
        let job = self.job(&place, Task::Source(place.clone()), self.scope.clone());
        let output = match self.shell.evaluate(&job) {
            Ok(output) => output,
            Err(source) => {
                return Err(ConfigError::Shell { path: path.to_path_buf(), place: refused, source });
            }
        };
        if let Some((line, message)) = syntax_error(&output.notes, &place) {
            let column = column(bytes, line, &message, &refused);
            return Err(ConfigError::Syntax { path: path.to_path_buf(), line, column, message });
        }
        self.notes.extend(output.notes.into_iter().map(|line| (path.to_path_buf(), Note::Said(line))));
        if let Some(status) = output.exited {
            self.notes.push((path.to_path_buf(), Note::Exited(status)));
        }
        self.shell_was_needed(path, &refused);
        Ok(output.vars)
    }

    /// Reads what is new in `read` a second time and keeps it. What was there before and this file left alone has had its
    /// second reading already, or needs none.
    fn take(&mut self, path: &Path, read: &Vars) -> Result<(), ConfigError> {
        let mut new = Vars::new();
        for (name, elements) in read.iter() {
            for (index, value) in elements {
                if self.scope.element(name, *index) != Some(value) {
                    new.set_element(name, *index, value.clone());
                }
            }
        }
        let Rereading { vars, mut destroyed, shell, why } = reread_all(&new, &mut self.scope);
        self.vars.merge(vars);
        if let Some(why) = why {
            let refused = NotLiteral { line: 1, column: 1, why };
            let mut scope = self.scope.clone();
            // What fails must not be mistaken for what was there before.
            for (name, elements) in shell.iter() {
                elements.keys().for_each(|index| scope.unset_element(name, *index));
            }
            let mut job = self.job(&self.root.resolve(path)?, Task::Reread(shell.clone()), scope);
            job.names.retain(|name| shell.elements(name).is_some());
            job.prefix = None;
            let output = match self.shell.evaluate(&job) {
                Ok(output) => output,
                Err(source) => {
                    return Err(ConfigError::Shell { path: path.to_path_buf(), place: refused, source });
                }
            };
            self.notes.extend(output.notes.into_iter().map(|line| (path.to_path_buf(), Note::Said(line))));
            for (name, elements) in shell.iter() {
                for index in elements.keys() {
                    match output.vars.element(name, *index) {
                        Some(value) => {
                            self.vars.set_element(name, *index, value);
                            self.scope.set_element(name, *index, value);
                        }
                        None => destroyed.push((name.to_string(), *index, "it is no valid assignment")),
                    }
                }
            }
            self.shell_was_needed(path, &refused);
        }
        let destroyed = destroyed.into_iter().map(|(name, index, why)| Note::Destroyed(name, index, why));
        self.notes.extend(destroyed.map(|note| (path.to_path_buf(), note)));
        Ok(())
    }
}

/// The content of a regular file; `None` for anything else, which might never end.
fn read_regular(place: &Path) -> io::Result<Option<Vec<u8>>> {
    let metadata = fs_err::metadata(place)?;
    if !metadata.is_file() {
        return Ok(None);
    }
    if metadata.len() > MAX_FILE {
        let message = format!("{}: larger than a configuration may be ({MAX_FILE} bytes)", place.display());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    fs_err::read(place).map(Some)
}

fn read_literal(bytes: &[u8], scope: &Vars) -> Result<Vars, NotLiteral> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(literal::parse(text, scope)?.into_changed()),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let text = String::from_utf8_lossy(valid);
            let (line, column) = literal::place(&text, text.len());
            Err(NotLiteral { line, column, why: "a byte that is not UTF-8" })
        }
    }
}

/// Bash reports lines only. The column is the literal reader's if it stopped at the token that bash complains about,
/// else that of the token's last occurrence (an earlier one was probably fine), else the reader's if it stopped in
/// this line, else that of the line's first word.
fn column(bytes: &[u8], line: usize, message: &str, refused: &NotLiteral) -> usize {
    let text = String::from_utf8_lossy(bytes);
    let Some(content) = text.lines().nth(line.saturating_sub(1)) else { return 1 };
    let token =
        message.split_once('`').and_then(|(_, rest)| rest.rsplit_once('\'')).map_or("", |(token, _)| token);
    let stopped = (refused.line == line).then_some(refused.column);
    let at_token =
        stopped.is_some_and(|column| content.chars().skip(column - 1).collect::<String>().starts_with(token));
    match (stopped, content.rfind(token)) {
        (Some(column), _) if at_token => column,
        (_, Some(at)) if !token.is_empty() => content.get(..at).unwrap_or_default().chars().count() + 1,
        (Some(column), _) => column,
        _ => content.len() - content.trim_start().len() + 1,
    }
}
