//! The rows, and how they are printed.

use serde::Serialize;

use crate::measure::Cost;

/// One operation, done by both.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What was done.
    pub operation: String,
    /// By Debian's dkms.
    pub dkms: Option<Cost>,
    /// By evermod.
    pub evermod: Cost,
    /// How often evermod's CPU time goes into dkms's.
    pub ratio: Option<f64>,
    /// The command that nobody can do without, where there is one.
    pub floor: Option<Cost>,
    /// What evermod must reach.
    pub goals: Vec<Goal>,
    /// What else a reader must know.
    pub note: String,
}

/// A limit and how evermod stands to it.
#[derive(Debug, Serialize)]
pub struct Goal {
    /// The limit, in words.
    pub text: String,
    /// What was measured.
    pub value: f64,
    /// Whether it is met.
    pub met: bool,
}

impl Row {
    /// A row without goals.
    pub fn new(operation: impl Into<String>, dkms: Option<Cost>, evermod: Cost) -> Self {
        let ratio = dkms.filter(|_| evermod.median > 0.0).map(|dkms| dkms.median / evermod.median);
        Self {
            operation: operation.into(),
            dkms,
            evermod,
            ratio,
            floor: None,
            goals: Vec::new(),
            note: String::new(),
        }
    }

    /// With the command that is to be undercut by nobody.
    pub fn over(mut self, floor: Cost) -> Self {
        self.floor = Some(floor);
        self
    }

    /// `value` has to stay below `limit`.
    pub fn below(self, what: &str, value: f64, limit: f64) -> Self {
        self.goal(format!("{what} < {limit}"), value, value < limit)
    }

    /// `value` must be at most `limit`.
    pub fn at_most(self, what: &str, value: f64, limit: f64) -> Self {
        self.goal(format!("{what} <= {limit}"), value, value <= limit)
    }

    /// The median CPU time has to stay below `limit` seconds.
    pub fn cpu_below(self, limit: f64) -> Self {
        let value = self.evermod.median;
        self.below("CPU s", value, limit)
    }

    /// The whole operation has to be done by this many processes.
    pub fn processes_at_most(self, limit: u32) -> Self {
        match self.evermod.processes {
            Some(n) => self.goal(format!("processes <= {limit}"), n as f64, n <= u64::from(limit)),
            None => self,
        }
    }

    fn goal(mut self, text: String, value: f64, met: bool) -> Self {
        self.goals.push(Goal { text, value, met });
        self
    }

    /// With something that a reader must know.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// A number of seconds with three digits that count.
pub fn seconds(value: f64) -> String {
    match value {
        v if v.abs() < 0.1 => format!("{v:.4}"),
        v if v.abs() < 10.0 => format!("{v:.3}"),
        v => format!("{v:.1}"),
    }
}

/// All rows as an aligned table.
pub fn table(rows: &[Row]) -> String {
    let mut cells = vec![
        ["operation", "dkms", "least", "proc", "evermod", "least", "proc", "floor", "ratio", "goal", ""]
            .map(String::from)
            .to_vec(),
    ];
    for row in rows {
        let count =
            |cost: Option<Cost>| cost.and_then(|c| c.processes).map_or_else(|| "-".into(), |n| n.to_string());
        let time = |cost: Option<f64>| cost.map_or_else(|| "-".into(), seconds);
        let mut line = vec![
            row.operation.clone(),
            time(row.dkms.map(|c| c.median)),
            time(row.dkms.map(|c| c.least)),
            count(row.dkms),
            seconds(row.evermod.median),
            seconds(row.evermod.least),
            count(Some(row.evermod)),
            time(row.floor.map(|c| c.median)),
            row.ratio.map_or_else(|| "-".into(), |r| format!("{r:.1}")),
        ];
        let mut goals = row.goals.iter().map(|goal| {
            let met = if goal.met { "met" } else { "MISSED" };
            [goal.text.clone(), format!("{met} ({})", seconds(goal.value))]
        });
        line.extend(goals.next().unwrap_or_default());
        cells.push(line);
        for goal in goals {
            let mut line = vec![String::new(); 9];
            line.extend(goal);
            cells.push(line);
        }
    }
    let columns = cells.first().map_or(0, Vec::len);
    let width =
        |column: usize| cells.iter().filter_map(|c| c.get(column)).map(String::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in &cells {
        let mut out = String::new();
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            // Words to the left, numbers to the right.
            match column {
                0 | 9 | 10 => out += &format!("{cell:<width$}  "),
                _ => out += &format!("{cell:>width$}  "),
            }
        }
        text += out.trim_end();
        text.push('\n');
    }
    text += "CPU seconds (user + system, whole process tree): median and least of alternating runs; floor: what has to \
             be run whoever asks; ratio: dkms / evermod.\n";
    for row in rows.iter().filter(|row| !row.note.is_empty()) {
        text += &format!("* {}: {}\n", row.operation, row.note);
    }
    text
}
