//! The first real error in a build's log: the line that a person would look for.

use crate::model::Diagnosis;

/// Finds it. Compilers come first, then modpost, programs that are missing, patches, and make's own last words.
///
/// `build_dir` is taken off the places, so that they read as the package's own files.
pub fn diagnose(log: &str, build_dir: &str) -> Option<Diagnosis> {
    let lines = || log.lines().filter(|line| !line.starts_with('#'));
    let finders: [fn(&str) -> Option<Diagnosis>; 6] =
        [compiler, modpost, missing_program, patch, make_stop, any_error];
    let found = finders.iter().find_map(|find| lines().find_map(find));
    let mut found = found.or_else(|| last_words(lines()))?;
    found.place = found.place.replace(&format!("{}/", build_dir.trim_end_matches('/')), "");
    found.message.truncate(floor_char_boundary(&found.message, 300));
    Some(found)
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

/// `FILE:LINE:COLUMN: error: TEXT` and `fatal error:`, as gcc and clang print them; what a configure script provokes in
/// its own test programs is no error.
fn compiler(line: &str) -> Option<Diagnosis> {
    let (place, message) = line.split_once(" fatal error: ").or_else(|| line.split_once(" error: "))?;
    let place = place.trim_end_matches(':').trim();
    let file = place.split(':').next()?;
    if place.contains(' ') || !file.contains('.') || is_configure_test(file) {
        return None;
    }
    Some(Diagnosis::at(place.to_string(), message.trim().to_string()))
}

fn is_configure_test(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.starts_with("conftest") || file.contains("/conftest") || file.contains("<command-line>")
}

/// `ERROR: modpost: "symbol" [file.ko] undefined!` and its fellows.
fn modpost(line: &str) -> Option<Diagnosis> {
    let message = line
        .trim()
        .strip_prefix("ERROR: modpost: ")
        .or_else(|| line.trim().strip_prefix("FATAL: modpost: "))?;
    Some(Diagnosis::at("modpost", message.to_string()))
}

/// `/bin/sh: 1: pahole: not found`, `bash: line 1: x: command not found`.
fn missing_program(line: &str) -> Option<Diagnosis> {
    let line = line.trim();
    let rest = line.strip_suffix(": not found").or_else(|| line.strip_suffix(": command not found"))?;
    let program = rest.rsplit(": ").next()?;
    let shell = line.split(':').next()?;
    let is_shell = shell.ends_with("sh") || shell == "make" || shell == "evermod";
    is_shell.then(|| Diagnosis {
        missing: Some(program.to_string()),
        ..Diagnosis::at("", format!("the program '{program}' is not installed"))
    })
}

/// `1 out of 2 hunks FAILED -- saving rejects to file x.c.rej`.
fn patch(line: &str) -> Option<Diagnosis> {
    let is_patch =
        line.contains("hunk") && line.contains("FAILED") || line.starts_with("can't find file to patch");
    is_patch.then(|| Diagnosis::at("patch", line.trim().to_string()))
}

/// `make[1]: *** No rule to make target 'x'.  Stop.`, but not the `Error 2` lines that only pass a failure on.
fn make_stop(line: &str) -> Option<Diagnosis> {
    let (make, message) = line.split_once(": *** ").or_else(|| line.split_once("*** "))?;
    let passes_on = message.starts_with('[') && message.contains("] Error ")
        || message.contains("Waiting for unfinished");
    if passes_on {
        return None;
    }
    let message = message.trim_end_matches(" Stop.").trim_end();
    Some(Diagnosis::at(make.trim().to_string(), message.to_string()))
}

/// What was said last before make passed the first failure on: whatever failed said it.
fn last_words<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Diagnosis> {
    let is_progress = |line: &str| line.starts_with("  ") || line.starts_with("make");
    let mut last = None;
    for line in lines {
        if line.contains("*** [") {
            return last.map(|line: &str| Diagnosis::at(String::new(), line.trim().to_string()));
        }
        if !line.trim().is_empty() && !is_progress(line) {
            last = Some(line);
        }
    }
    None
}

/// `configure: error: x`, `ld: error: x`, `Error: x`.
fn any_error(line: &str) -> Option<Diagnosis> {
    let lower = line.to_ascii_lowercase();
    let at = lower.find("error: ")?;
    let place = line.get(..at)?.trim().trim_end_matches(':');
    Some(Diagnosis::at(place.to_string(), line.get(at + 7..)?.trim().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let cases = [
            (
                "  CC [M]  /t/v4l2loopback.o\n/t/v4l2loopback.c: In function 'f':\n\
                 /t/v4l2loopback.c:2543:9: error: implicit declaration of function 'strlcpy' [-Werror=x]\n\
                 make[2]: *** [scripts/Makefile.build:229: /t/x.o] Error 1\n",
                "v4l2loopback.c:2543:9: implicit declaration of function 'strlcpy' [-Werror=x]",
            ),
            (
                "conftest.c:1:1: error: no\n/t/src/a.c:7:10: fatal error: linux/x.h: No such file or directory\n",
                "src/a.c:7:10: linux/x.h: No such file or directory",
            ),
            ("ERROR: modpost: \"nf_ct\" [/t/x.ko] undefined!\n", "modpost: \"nf_ct\" [/t/x.ko] undefined!"),
            (
                "/bin/sh: 1: pahole: not found\nmake: *** [x] Error 127\n",
                "the program 'pahole' is not installed",
            ),
            (
                "make[1]: *** No rule to make target 'x.c', needed by 'x.o'.  Stop.\nmake: *** [Makefile:1: all] Error 2\n",
                "make[1]: No rule to make target 'x.c', needed by 'x.o'.",
            ),
            ("checking for x\nconfigure: error: no kernel\n", "configure: no kernel"),
            (
                "1 out of 2 hunks FAILED -- saving rejects to file x.c.rej\n",
                "patch: 1 out of 2 hunks FAILED -- saving rejects to file x.c.rej",
            ),
        ];
        let cases = cases.into_iter().chain([(
            "make: Entering directory '/x'\n  CC [M]  /t/x.o\n/usr/bin/gcc-12: line 4: x.real: No such file\n\
             make[2]: *** [scripts/Makefile.build:250: /t/x.o] Error 127\nmake: *** [y] Error 2\n",
            "/usr/bin/gcc-12: line 4: x.real: No such file",
        )]);
        for (log, expected) in cases {
            assert_eq!(diagnose(log, "/t").map(|d| d.to_string()).as_deref(), Some(expected), "{log}");
        }
        assert_eq!(diagnose("all well\n", "/t"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text(log in "\\PC*(\nerror: \\PC*)?") {
            let _ = diagnose(&log, "/t");
        }
    }
}
