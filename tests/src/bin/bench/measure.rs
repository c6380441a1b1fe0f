//! What a command costs: CPU seconds of its whole process tree, and the processes it starts.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

/// One run of a command.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// User and system time of the process and of all its descendants that were waited for.
    pub cpu: f64,
    /// Elapsed time: told, never judged, since the machine may be busy.
    pub wall: f64,
    /// Processes and threads begun while it ran.
    pub tasks: u64,
    /// Exit code.
    pub status: i32,
}

/// Several runs of a command.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Cost {
    /// Median of the CPU seconds.
    pub median: f64,
    /// Least of them: what the command costs on a machine that does nothing else.
    pub least: f64,
    /// Median of the elapsed seconds.
    pub wall: f64,
    /// Runs.
    pub runs: usize,
    /// Processes that one run starts, its own included.
    pub processes: Option<u64>,
}

impl Cost {
    /// Sums up runs.
    pub fn of(runs: &[Run]) -> Self {
        let cpu = sorted(runs.iter().map(|r| r.cpu));
        let wall = sorted(runs.iter().map(|r| r.wall));
        Self {
            median: median(&cpu),
            least: cpu.first().copied().unwrap_or(0.0),
            wall: median(&wall),
            runs: runs.len(),
            processes: None,
        }
    }

    /// The same with a number of processes.
    pub fn with_processes(self, processes: Option<u64>) -> Self {
        Self { processes, ..self }
    }

    /// `times` as much of the same.
    pub fn scaled(self, times: u32) -> Self {
        let factor = f64::from(times);
        Self {
            median: self.median * factor,
            least: self.least * factor,
            wall: self.wall * factor,
            processes: self.processes.map(|n| n * u64::from(times)),
            ..self
        }
    }
}

/// What a command costs over another.
#[derive(Debug, Clone, Copy)]
pub struct Added {
    /// CPU seconds.
    pub cpu: f64,
    /// Standard error of them.
    pub error: f64,
    /// Elapsed seconds.
    pub wall: f64,
}

impl Added {
    /// From runs in pairs. What disturbed one of a pair makes a large difference either way: the middle half counts.
    pub fn of(without: &[Run], with: &[Run]) -> Self {
        let middle = |value: &dyn Fn(&Run) -> f64| {
            let all = sorted(without.iter().zip(with).map(|(without, with)| value(with) - value(without)));
            let quarter = all.len() / 4;
            all.get(quarter..all.len() - quarter).unwrap_or_default().to_vec()
        };
        let (cpu, wall) = (middle(&|run| run.cpu), middle(&|run| run.wall));
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let range = cpu.last().unwrap_or(&0.0) - cpu.first().unwrap_or(&0.0);
        // Of normally distributed values the middle half spans 1.35 standard deviations.
        let error = range / 1.35 / (without.len().max(1) as f64).sqrt();
        Self { cpu: mean(&cpu), error, wall: mean(&wall) }
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Runs a command with its output in a file of `dir`, and measures it.
///
/// # Errors
/// It cannot be started.
pub fn run(argv: &[&str], output: &Path) -> Result<Run> {
    let (program, arguments) = argv.split_first().context("an empty command")?;
    let before = last_pid()?;
    let file = File::create(output)?;
    let started = Instant::now();
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| argv.join(" "))?;
    let (status, mut cpu) = wait(i32::try_from(child.id())?)?.context("the child is not there")?;
    let wall = started.elapsed().as_secs_f64();
    let tasks = last_pid()? - before - 1;
    // bubblewrap leaves before the process that it watches is gone: those come to us, with their times.
    while let Some((_, more)) = wait(-1)? {
        cpu += more;
    }
    let status =
        if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) };
    Ok(Run { cpu, wall, tasks, status })
}

/// Makes this process the parent of those whose own parent leaves, so that no CPU time is lost.
///
/// # Errors
/// The kernel refuses.
#[allow(unsafe_code)]
pub fn adopt_orphans() -> Result<()> {
    // SAFETY: a call with plain numbers; it changes who is told of orphans' ends.
    let result = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    ensure!(result == 0, "prctl: {}", std::io::Error::last_os_error());
    Ok(())
}

/// Waits for one child, or any (-1): its status and the CPU seconds of itself and of all that it waited for.
/// `None` if there is none.
#[allow(unsafe_code)]
fn wait(pid: i32) -> Result<Option<(i32, f64)>> {
    let mut status = 0;
    // SAFETY: all zeroes is a valid `rusage`, which is plain numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers lead to values that live through the call. Every `Child` is waited for here or was before.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    if waited < 0 {
        let error = std::io::Error::last_os_error();
        ensure!(error.raw_os_error() == Some(libc::ECHILD), "wait4: {error}");
        return Ok(None);
    }
    let seconds = |t: libc::timeval| -> Result<f64> {
        let whole = Duration::new(u64::try_from(t.tv_sec)?, u32::try_from(t.tv_usec)? * 1000);
        Ok(whole.as_secs_f64())
    };
    Ok(Some((status, seconds(usage.ru_utime)? + seconds(usage.ru_stime)?)))
}

/// The number of a process started now. The root has numbers of its own, given out one by one, so that the difference
/// of two is what was started in between, whatever else the machine does.
fn last_pid() -> Result<u64> {
    let mut child = Command::new("true").spawn().context("true")?;
    let pid = u64::from(child.id());
    child.wait()?;
    Ok(pid)
}

/// Processes that a command starts, its own included and threads left out, counted by strace(1).
///
/// # Errors
/// strace cannot be run.
pub fn processes(argv: &[&str], dir: &Path) -> Result<u64> {
    let trace = dir.join("trace");
    let trace_name = trace.to_str().context("a path")?;
    let calls = "trace=clone,clone3,fork,vfork";
    let mut words =
        vec!["strace", "-f", "-qq", "--seccomp-bpf", "-e", calls, "-e", "signal=none", "-o", trace_name];
    words.extend(argv);
    run(&words, &dir.join("traced"))?;
    Ok(1 + started(&fs_err::read_to_string(&trace)?))
}

/// Processes in a trace. A call that another one interrupted has two lines; the first holds its flags.
fn started(trace: &str) -> u64 {
    let is_start = |line: &&str| {
        let call = line.split_once(' ').map_or("", |(_, call)| call.trim_start());
        let named = ["clone(", "clone3(", "fork(", "vfork("].iter().any(|name| call.starts_with(name));
        named && !call.contains("CLONE_THREAD") && !call.contains("= -1 ")
    };
    trace.lines().filter(is_start).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_disturbed_run_adds_nothing() {
        let run = |cpu| Run { cpu, wall: 2.0 * cpu, tasks: 0, status: 0 };
        let without: Vec<Run> = [1.0, 1.1, 1.2, 9.0, 1.4, 1.5, 1.6, 1.7].map(run).into();
        let with: Vec<Run> = [1.1, 1.2, 1.3, 1.4, 1.5, 8.0, 1.7, 1.8].map(run).into();
        let added = Added::of(&without, &with);
        assert!((added.cpu - 0.1).abs() < 1e-9 && (added.wall - 0.2).abs() < 1e-9, "{added:?}");
        assert!(added.error < 1e-9, "{added:?}");
    }

    #[test]
    fn medians_and_traces() {
        assert!((median(&[1.0, 2.0, 9.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[1.0, 3.0]) - 2.0).abs() < 1e-9);
        let trace = "10 vfork( <unfinished ...>\n11 execve(\"/bin/true\") = 0\n10 <... vfork resumed>) = 11\n\
             10 clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0}, 88) = 12\n\
             10 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 13\n\
             10 clone(child_stack=NULL, flags=CLONE_NEWUSER) = -1 EPERM\n";
        assert_eq!(started(trace), 2);
    }
}
