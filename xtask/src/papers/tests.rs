//! The papers are complete, and the programs that read them find nothing wrong.

use std::path::{Path, PathBuf};
use std::process::Command;

use evermod_core::cli::dkms::table::{ACTIONS, OPTIONS};
use evermod_core::config::directive_table::DIRECTIVES;
use evermod_core::config::evermod_toml::{PATH, SETTINGS, parse};
use evermod_core::config::framework_table::VARIABLES;
use evermod_core::model::EXIT_CODES;
use evermod_tests::skip;

use super::*;

/// A page as `NAME.SECTION`, without the marks of roff that matter here.
fn page(name: &str) -> String {
    let pages = man_pages(0).unwrap();
    let (_, text) = pages.iter().find(|(page, _)| page == name).unwrap();
    String::from_utf8(text.clone()).unwrap().replace("\\-", "-").replace("\\fB", "*").replace("\\fR", "*")
}

#[test]
fn every_row_of_the_tables_is_in_the_pages() {
    let dkms = page("dkms.8");
    for action in &ACTIONS {
        assert!(dkms.contains(&format!(".TP\n*{}*", action.name)), "{}", action.name);
    }
    for name in OPTIONS.iter().flat_map(|option| option.short.iter().chain(&option.long)) {
        assert!(dkms.contains(&format!("*{name}*")), "{name}");
    }
    for variable in &VARIABLES {
        assert!(dkms.contains(&format!(".TP\n*{}*", variable.name)), "{}", variable.name);
    }
    let evermod = page("evermod.8");
    for (code, _) in EXIT_CODES {
        assert!(
            dkms.contains(&format!(".TP\n*{code}*")) && evermod.contains(&format!(".TP\n*{code}*")),
            "{code}"
        );
    }
    for section in ["EXIT STATUS", "FILES", "EXAMPLES", "SEE ALSO"] {
        assert_eq!(evermod.matches(&format!(".SH {section}\n")).count(), 1, "{section}");
    }
    let conf = page("dkms.conf.5");
    for directive in &DIRECTIVES {
        let index = if directive.list { "[]" } else { "" };
        assert!(conf.contains(&format!(".TP\n*{}{index}*", directive.name)), "{}", directive.name);
    }
    let toml = page("evermod.toml.5");
    for setting in &SETTINGS {
        assert!(toml.contains(&format!("*{}* = ", setting.name)), "{}", setting.name);
    }
}

/// Every verb that is not hidden has a page.
#[test]
fn every_verb_has_a_page() {
    let names: Vec<_> = man_pages(0).unwrap().into_iter().map(|(name, _)| name).collect();
    for verb in evermod_core::cli::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
        assert!(names.contains(&format!("evermod-{}.8", verb.get_name())), "{}", verb.get_name());
    }
}

/// The shipped example has every setting, and each line of it is right once it is no comment any more.
#[test]
fn the_example_of_settings_is_right() {
    let text = std::fs::read_to_string(crate::root().join("packaging/dist/evermod.toml")).unwrap();
    let real: String = text
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix('#').filter(|l| !l.starts_with(' ')).unwrap_or(line)))
        .collect();
    for text in [&text, &real] {
        parse(text, Path::new(PATH)).unwrap();
    }
    for setting in &SETTINGS {
        assert!(real.contains(&format!("\n{} = ", setting.name)), "{}", setting.name);
    }
}

/// The papers on disk.
fn written() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), 1_795_442_714).unwrap();
    dir
}

/// Where a program is; a test that lacks it is skipped.
fn program(name: &str) -> Option<PathBuf> {
    let found = ["/usr/bin", "/bin", "/usr/local/bin"]
        .iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.exists());
    if found.is_none() {
        skip::report(&format!("needs {name}; tests/setup.sh installs it"));
    }
    found
}

/// What a program says, on both streams.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn man_and_mandoc_find_nothing_wrong() {
    let (Some(man), Some(mandoc)) = (program("man"), program("mandoc")) else { return };
    let dir = written();
    let mut checked = 0;
    for entry in std::fs::read_dir(dir.path().join("man")).unwrap() {
        let path = entry.unwrap().path();
        let mut command = Command::new(&man);
        command.args(["--warnings", "-E", "UTF-8", "-Tutf8", "-Z", "-l"]).arg(&path).env("LC_ALL", "C.UTF-8");
        let output = command.output().unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{}: {}",
            path.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        let complaints = said(Command::new(&mandoc).args(["-T", "lint", "-W", "warning"]).arg(&path));
        assert_eq!(complaints, "", "{}", path.display());
        checked += 1;
    }
    assert!(checked > 10);
}

/// What bash offers for a command line that ends in its last word.
fn offered(bash: &Path, completions: &Path, line: &[&str]) -> Vec<String> {
    let script = r#"source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dkms; printf '%s\n' "${COMPREPLY[@]}""#;
    let mut command = Command::new(bash);
    command.args(["--norc", "-c", script, "bash"]).arg(completions).args(line);
    said(&mut command).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_actions_options_modules_and_kernels() {
    let Some(bash) = program("bash") else { return };
    let dir = written();
    let completions = dir.path().join("bash-completion/completions/dkms");
    let at = |path: &str| dir.path().join(path).display().to_string();
    for path in ["tree/hello/1.0/source", "tree/zfs/2.1/source", "modules/6.1.0-1", "src/new-2.0-1"] {
        std::fs::create_dir_all(dir.path().join(path)).unwrap();
    }
    std::fs::write(
        dir.path().join("src/new-2.0-1/dkms.conf"),
        "PACKAGE_NAME=\"new\"\nPACKAGE_VERSION=2.0-1\n",
    )
    .unwrap();
    let (tree, modules, sources) = (at("tree"), at("modules"), at("src"));
    for (line, expected) in [
        (vec!["dkms", "ins"], vec!["install"]),
        (vec!["dkms", "kernel_p"], vec!["kernel_preinst", "kernel_postinst", "kernel_prerm"]),
        (vec!["dkms", "--dkmstree", &tree, "install", "-m", ""], vec!["hello/1.0", "zfs/2.1"]),
        (vec!["dkms", "--dkmstree", "=", &tree, "install", "--module", "=", "z"], vec!["zfs/2.1"]),
        (vec!["dkms", "--dkmstree", &tree, "remove", "he"], vec!["hello/1.0"]),
        (vec!["dkms", "--dkmstree", &tree, "-m", "hello", "-v", ""], vec!["1.0"]),
        (vec!["dkms", "--installtree", &modules, "build", "-k", ""], vec!["6.1.0-1"]),
        (vec!["dkms", "--sourcetree", &sources, "add", "ne"], vec!["new/2.0-1"]),
        (vec!["dkms", "build", "--force-"], vec!["--force-version-override"]),
        (vec!["dkms", "build", "--no-"], vec!["--no-depmod"]),
        (vec!["dkms", "build", "--directive", "PACKAGE_N"], vec!["PACKAGE_NAME="]),
        (vec!["dkms", "autoinstall", ""], vec![]),
    ] {
        assert_eq!(offered(&bash, &completions, &line), expected, "{line:?}");
    }
}

/// zsh and fish take what is made for them, and fish also completes with it.
#[test]
fn zsh_and_fish_take_their_completions() {
    let dir = written();
    for (shell, file) in [
        ("zsh", "zsh/vendor-completions/_dkms"),
        ("zsh", "zsh/vendor-completions/_evermod"),
        ("fish", "fish/vendor_completions.d/dkms.fish"),
        ("fish", "fish/vendor_completions.d/evermod.fish"),
    ] {
        let Some(shell) = program(shell) else { return };
        let output = Command::new(&shell).arg("-n").arg(dir.path().join(file)).output().unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{file}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let Some(fish) = program("fish") else { return };
    let file = dir.path().join("fish/vendor_completions.d/dkms.fish");
    for (line, expected) in [("dkms unin", "uninstall"), ("dkms build --force-", "--force-version-override")]
    {
        let script = format!("source {}; complete -C '{line}'", file.display());
        let offered = said(Command::new(&fish).args(["--no-config", "-c", &script]).env("HOME", dir.path()));
        assert!(offered.starts_with(expected), "{line}: {offered}");
    }
}
