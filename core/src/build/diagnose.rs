//! The first real error in a build's log: the line that a person would look for.

use super::log::{COMMAND, EXIT_CODE};
use crate::model::{Cause, Diagnosis};

/// Finds it. Tools that could not work come first, since all else follows from that; then compilers, modpost, programs that
/// are missing, patches, and make's own last words.
///
/// `build_dir` is taken off the places, so that they read as the package's own files.
pub fn diagnose(log: &str, build_dir: &str) -> Option<Diagnosis> {
    let lines = || log.lines().filter(|line| !line.starts_with('#'));
    let finders: [fn(&str) -> Option<Diagnosis>; 7] =
        [broken_tool, compiler, modpost, missing_program, patch, make_stop, any_error];
    let found = finders.iter().find_map(|find| lines().find_map(find));
    let mut found =
        found.or_else(|| last_words(lines())).or_else(|| log.rsplit_once(COMMAND).and_then(last_line))?;
    found.place = found.place.replace(&format!("{}/", build_dir.trim_end_matches('/')), "");
    found.message.truncate(floor_char_boundary(&found.message, 300));
    Some(found)
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

/// `PROGRAM: error while loading shared libraries: x.so.1: cannot open ...` and `version ... not found`, as ld.so(8) prints
/// them; `cannot execute 'cc1'` and `Killed signal terminated program cc1`, as gcc prints them; `unable to execute`, as clang.
fn broken_tool(line: &str) -> Option<Diagnosis> {
    const SAID: [&str; 9] = [
        ": error while loading shared libraries: ",
        ": symbol lookup error: ",
        "' not found (required by ",
        "error: cannot execute ",
        "error: error trying to exec ",
        "error: unable to execute command: ",
        "error: cannot find 'ld'",
        " signal terminated program ",
        "internal compiler error: Killed",
    ];
    let is_said = SAID.iter().any(|text| line.contains(text)) && !line.contains("conftest");
    is_said.then(|| Diagnosis::at("", line.trim()).by(Cause::Tools))
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
    Some(Diagnosis::at(place, message.trim()).by(Cause::Sources))
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
    Some(Diagnosis::at("modpost", message).by(Cause::Sources))
}

/// `/bin/sh: 1: pahole: not found`, `bash: line 1: x: command not found`, and of those that start a program without a shell
/// `make[1]: gcc-12: No such file or directory`, `setpriv: failed to execute make: ...` and `bwrap: execvp make: ...`.
fn missing_program(line: &str) -> Option<Diagnosis> {
    let line = line.trim();
    let (shell, rest) = line.split_once(':')?;
    let said = [": not found", ": command not found"];
    let starts_itself = match shell {
        "setpriv" => Some(" failed to execute "),
        "bwrap" => Some(" execvp "),
        _ => (shell == "make" || shell.starts_with("make[")).then_some(" "),
    };
    let program = if let Some(before) = starts_itself {
        let program = rest.strip_prefix(before)?.strip_suffix(": No such file or directory")?;
        Some(program).filter(|program| !program.contains([' ', ':', '*']))?
    } else {
        let is_shell = shell.ends_with("sh") || shell == "evermod";
        let rest = said.iter().find_map(|said| rest.strip_suffix(said)).filter(|_| is_shell)?;
        rest.rsplit(": ").next()?.trim()
    };
    Some(Diagnosis {
        missing: Some(program.to_string()),
        ..Diagnosis::at("", format!("the program '{program}' is not installed")).by(Cause::Tools)
    })
}

/// `1 out of 2 hunks FAILED -- saving rejects to file x.c.rej`.
fn patch(line: &str) -> Option<Diagnosis> {
    let is_patch =
        line.contains("hunk") && line.contains("FAILED") || line.starts_with("can't find file to patch");
    is_patch.then(|| Diagnosis::at("patch", line.trim()).by(Cause::Sources))
}

/// `make[1]: *** No rule to make target 'x'.  Stop.`, but not the `Error 2` lines that only pass a failure on, nor what it
/// clears away because of one.
fn make_stop(line: &str) -> Option<Diagnosis> {
    let (make, message) = line.split_once(": *** ").or_else(|| line.split_once("*** "))?;
    let passes_on = message.starts_with('[')
        && [" Error ", " Killed", " Segmentation fault", " Terminated"]
            .iter()
            .any(|end| message.contains(end))
        || message.contains("Waiting for unfinished")
        || message.starts_with("Deleting ");
    if passes_on {
        return None;
    }
    let message = message.trim_end_matches(" Stop.").trim_end();
    Some(Diagnosis::at(make.trim().to_string(), message.to_string()))
}

/// What was said last before make passed the first failure on: whatever failed said it.
fn last_words<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Diagnosis> {
    let mut last = None;
    for line in lines {
        if line.contains("*** [") {
            return last.map(|line: &str| Diagnosis::at(String::new(), line.trim().to_string()));
        }
        if is_said(line) {
            last = Some(line);
        }
    }
    None
}

/// What the last command said last: a script may say why it gives up in any words.
fn last_line((_, of_last): (&str, &str)) -> Option<Diagnosis> {
    let said = of_last.split(EXIT_CODE).next().unwrap_or_default();
    Some(Diagnosis::at("", said.lines().skip(1).filter(|line| is_said(line)).last()?.trim()))
}

/// Not make's telling what it does.
fn is_said(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with("  ") && !line.starts_with("make")
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
            // How bash says that it cannot become make, and setpriv and bubblewrap.
            ("evermod: line 1: exec: make: not found\n", "the program 'make' is not installed"),
            (
                "setpriv: failed to execute make: No such file or directory\n",
                "the program 'make' is not installed",
            ),
            ("bwrap: execvp make: No such file or directory\n", "the program 'make' is not installed"),
            (
                "make[1]: *** No rule to make target 'x.c', needed by 'x.o'.  Stop.\nmake: *** [Makefile:1: all] Error 2\n",
                "make[1]: No rule to make target 'x.c', needed by 'x.o'.",
            ),
            ("checking for x\nconfigure: error: no kernel\n", "configure: no kernel"),
            (
                "checking whether fops->fallocate() exists... configure: error: \n\t*** None of the interfaces were detected.\n\
                 \t*** This may be because your kernel version is newer\n\t***\n",
                "None of the interfaces were detected.",
            ),
            (
                "  CC [M]  /t/x.o\nmake[2]: *** Deleting file '/t/x.o'\n/usr/libexec/gcc/cc1: error while loading shared \
                 libraries: libisl.so.23: cannot open shared object file: No such file or directory\n\
                 make[2]: *** [scripts/Makefile.build:250: /t/x.o] Error 1\n",
                "/usr/libexec/gcc/cc1: error while loading shared libraries: libisl.so.23: cannot open shared object file: \
                 No such file or directory",
            ),
            (
                "  CC [M]  /t/x.o\ngcc-14: fatal error: cannot execute ‘cc1’: posix_spawnp: No such file or directory\n\
                 compilation terminated.\nmake[2]: *** [scripts/Makefile.build:250: /t/x.o] Error 1\n",
                "gcc-14: fatal error: cannot execute ‘cc1’: posix_spawnp: No such file or directory",
            ),
            (
                "  CC [M]  /t/x.o\nmake[3]: gcc-12: No such file or directory\nmake[3]: *** [x: y] Error 127\n",
                "the program 'gcc-12' is not installed",
            ),
            (
                "gcc: fatal error: Killed signal terminated program cc1\nmake: *** [x] Error 1\n",
                "gcc: fatal error: Killed signal terminated program cc1",
            ),
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
        let of_script =
            "\nRunning\n# command: ./x\nlooking\nThis kernel is too new.\n\n# exit code: 3\n# elapsed\n---\n";
        assert_eq!(
            diagnose(of_script, "/t").map(|d| d.to_string()).as_deref(),
            Some("This kernel is too new.")
        );
        assert_eq!(diagnose("\nx\n# command: y\n  CC [M]  /t/x.o\n\n# exit code: 137\n---\n", "/t"), None);
    }

    /// A compiler that is only half there must not be taken for one that refuses the sources.
    #[test]
    fn whose_fault_it_is() {
        for (log, cause) in [
            ("/t/x.c:2:9: error: too few arguments\n", Cause::Sources),
            ("/t/x.c:2:9: fatal error: linux/gone.h: No such file or directory\n", Cause::Sources),
            ("ERROR: modpost: \"f\" [/t/x.ko] undefined!\n", Cause::Sources),
            ("gcc: error while loading shared libraries: libc.so.6: no\n", Cause::Tools),
            ("/bin/as: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /bin/as)\n", Cause::Tools),
            ("gcc: fatal error: cannot execute 'cc1': execvp: No such file or directory\n", Cause::Tools),
            ("gcc: error: error trying to exec 'cc1': execvp: No such file or directory\n", Cause::Tools),
            ("/bin/sh: 1: gcc-14: not found\n", Cause::Tools),
            ("Makefile:3: *** Compiler lacks asm-goto support..  Stop.\n", Cause::Unknown),
            ("configure: error: no kernel\n", Cause::Unknown),
        ] {
            assert_eq!(diagnose(log, "/t").map(|d| d.cause), Some(cause), "{log}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text(log in "\\PC*(\nerror: \\PC*)?") {
            let _ = diagnose(&log, "/t");
        }
    }
}
