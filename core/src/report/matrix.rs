//! What `package` made: every module for every kernel, and the packages; as a table and as JSON.

use super::seconds;
use crate::model::Signature;
use serde::Serialize;
use std::time::Duration;

/// What became of a module for a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Built, and packaged.
    Built,
    /// BUILD_EXCLUSIVE rules the kernel out.
    Excluded,
    /// It does not build, or cannot be packaged.
    Failed,
}

/// One module for one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The module as `NAME/VERSION`; as it was given where its dkms.conf cannot be read.
    pub module: String,
    /// The kernel; absent where what is wrong is wrong for all of them.
    pub kernel: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, where it was not built: the first error, or the directive.
    pub why: Option<String>,
    /// Who signed its modules, if anyone.
    pub signature: Option<Signature>,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// The log, below the directory of the packages.
    pub log: Option<String>,
}

/// What a package holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Modules for one kernel.
    Module,
    /// What follows the newest kernel of a flavour.
    Metapackage,
    /// Sources, to be built where they are installed.
    Source,
}

/// A package file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageFile {
    /// Its name, below the directory of the packages.
    pub file: String,
    /// Its size in bytes.
    pub size: u64,
    /// `deb`, `rpm` or `arch`.
    pub format: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// The module as `NAME/VERSION`.
    pub module: String,
    /// The kernel, where it is for one.
    pub kernel: Option<String>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// Format of this value: 1.
    pub version: u32,
    /// The directory of the packages.
    pub output: String,
    /// The kernels, oldest first.
    pub kernels: Vec<String>,
    /// What became of every module for every kernel, by module and kernel.
    pub cells: Vec<Cell>,
    /// The packages, by name.
    pub packages: Vec<PackageFile>,
    /// What else is wrong, one sentence each: files that cannot be read, for example.
    pub problems: Vec<String>,
}

impl Matrix {
    /// How many cells ended so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.cells.iter().filter(|cell| cell.outcome == outcome).count()
    }

    /// Whether something that was asked for is not there in the end.
    pub fn is_short(&self) -> bool {
        self.count(Outcome::Failed) > 0 || !self.problems.is_empty()
    }
}

impl Outcome {
    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Excluded => "not meant",
            Self::Failed => "failed",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Built => "32",
            Self::Excluded => "2",
            Self::Failed => "31",
        }
    }
}

impl Cell {
    /// What to know beside the outcome.
    pub fn remark(&self) -> String {
        match (&self.why, &self.signature) {
            (Some(why), _) => why.clone(),
            (None, Some(Signature::Signer(name))) => format!("signed by {name}"),
            (None, Some(Signature::Unsigned(why))) => format!("unsigned: {why}"),
            (None, None) => String::new(),
        }
    }

    /// How long it took, for people; nothing where nothing was tried.
    pub fn time(&self) -> String {
        match self.milliseconds {
            0 => String::new(),
            milliseconds => seconds(Duration::from_millis(milliseconds)),
        }
    }
}

/// A size in bytes, for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{}.{} MiB", bytes >> 20, ((bytes % (1 << 20)) * 10) >> 20),
    }
}

/// Rows whose columns line up, less blanks at their ends.
fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Two tables and a line that sums them up; coloured for a terminal.
pub fn text(matrix: &Matrix, coloured: bool) -> String {
    let words = |row: [&str; 5]| row.map(str::to_string).to_vec();
    let mut rows = vec![words(["MODULE", "KERNEL", "RESULT", "TIME", "REMARK"])];
    rows.extend(matrix.cells.iter().map(|cell| {
        let kernel = cell.kernel.as_deref().unwrap_or("-");
        let remark = cell.remark();
        // Of several lines the first tells most.
        words([
            &cell.module,
            kernel,
            cell.outcome.word(),
            &cell.time(),
            remark.lines().next().unwrap_or_default(),
        ])
    }));
    let mut text = aligned(&rows);
    if coloured {
        for outcome in [Outcome::Built, Outcome::Excluded, Outcome::Failed] {
            let (word, colour) = (format!("  {}  ", outcome.word()), outcome.colour());
            text = text.replace(&word, &format!("  \x1b[{colour}m{}\x1b[0m  ", outcome.word()));
        }
    }
    if !matrix.packages.is_empty() {
        let mut rows = vec![vec!["PACKAGE".to_string(), "SIZE".to_string()]];
        rows.extend(matrix.packages.iter().map(|package| vec![package.file.clone(), size(package.size)]));
        text.push('\n');
        text.push_str(&aligned(&rows));
    }
    text.push('\n');
    for problem in &matrix.problems {
        text.push_str(&format!("{problem}\n"));
    }
    let all: u64 = matrix.packages.iter().map(|package| package.size).sum();
    text.push_str(&format!(
        "{} built, {} failed, {} not meant; {} packages, {}, in {}\n",
        matrix.count(Outcome::Built),
        matrix.count(Outcome::Failed),
        matrix.count(Outcome::Excluded),
        matrix.packages.len(),
        size(all),
        matrix.output
    ));
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two modules for two kernels, with names as an enemy would choose them.
    pub fn matrix() -> Matrix {
        let cell = |module: &str, kernel: &str, outcome, why: Option<&str>| Cell {
            module: module.into(),
            kernel: Some(kernel.into()),
            outcome,
            why: why.map(str::to_string),
            signature: (outcome == Outcome::Built).then(|| Signature::Signer("DKMS".into())),
            milliseconds: if outcome == Outcome::Excluded { 0 } else { 2100 },
            log: (outcome != Outcome::Excluded).then(|| "logs/x.log".into()),
        };
        Matrix {
            version: 1,
            output: "packages".into(),
            kernels: vec!["6.1".into(), "6.12".into()],
            cells: vec![
                cell("a/1", "6.1", Outcome::Built, None),
                cell("a/1", "6.12", Outcome::Failed, Some("a.c:1:2: ‘x’ <undeclared>\nmore")),
                cell("<b>\"&'/1", "6.1", Outcome::Excluded, Some("BUILD_EXCLUSIVE_KERNEL")),
                cell("<b>\"&'/1", "6.12", Outcome::Built, None),
            ],
            packages: vec![PackageFile {
                file: "a-modules-6.1_1-1_amd64.deb".into(),
                size: 30_000,
                format: "deb",
                kind: Kind::Module,
                module: "a/1".into(),
                kernel: Some("6.1".into()),
            }],
            problems: vec!["x.deb: it is cut off".into()],
        }
    }

    #[test]
    fn tables_line_up() {
        let text = text(&matrix(), false);
        assert_eq!(
            text,
            "MODULE    KERNEL  RESULT     TIME   REMARK\n\
             a/1       6.1     built      2.1 s  signed by DKMS\n\
             a/1       6.12    failed     2.1 s  a.c:1:2: ‘x’ <undeclared>\n\
             <b>\"&'/1  6.1     not meant         BUILD_EXCLUSIVE_KERNEL\n\
             <b>\"&'/1  6.12    built      2.1 s  signed by DKMS\n\
             \n\
             PACKAGE                      SIZE\n\
             a-modules-6.1_1-1_amd64.deb  30 KiB\n\
             \n\
             x.deb: it is cut off\n\
             2 built, 1 failed, 1 not meant; 1 packages, 30 KiB, in packages\n"
        );
        assert!(matrix().is_short());
    }

    #[test]
    fn sizes() {
        let shown = [0, 1023, 1024, 30_000, 1 << 20, 3_500_000].map(size);
        assert_eq!(shown, ["0 B", "1023 B", "1 KiB", "30 KiB", "1.0 MiB", "3.3 MiB"]);
    }
}
