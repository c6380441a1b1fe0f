//! Man pages and completions, from the tables that the parsers are made of.

mod dkms_completions;
mod pages;
mod roff;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::Context;
use clap_complete::Shell;

/// A generated or hand-written page, uncompressed: `NAME.SECTION` and its text.
pub(crate) type Page = (String, Vec<u8>);

const SOURCE: &str = concat!("evermod ", env!("CARGO_PKG_VERSION"));

/// The sections of evermod(8) that its command line knows nothing of.
const SECTIONS: &str = "evermod.sections";

/// The pages of the program and its verbs, and those whose templates are in `docs/man`. They bear the date of `time`, in
/// seconds since the epoch.
pub(crate) fn man_pages(time: u64) -> anyhow::Result<Vec<Page>> {
    let mut command = evermod_core::cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    let date = roff::date(time);
    pages_of(&command, "", &date, &mut pages)?;
    let dir = crate::root().join("docs/man");
    let mut parts = pages::parts();
    parts.push(("DATE", date));
    for entry in std::fs::read_dir(&dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let template = || std::fs::read_to_string(&path).with_context(|| path.display().to_string());
        if matches!(path.extension().and_then(|extension| extension.to_str()), Some("1" | "5" | "8")) {
            pages.push((name.to_owned(), roff::fill(&template()?, &parts)?.into_bytes()));
        } else if name == SECTIONS {
            let sections = roff::fill(&template()?, &parts)?;
            if let Some((_, page)) = pages.iter_mut().find(|(name, _)| name == "evermod.8") {
                page.extend(sections.into_bytes());
            }
        }
    }
    pages.sort();
    pages.dedup_by(|a, b| a.0 == b.0);
    Ok(pages)
}

fn pages_of(command: &clap::Command, above: &str, date: &str, pages: &mut Vec<Page>) -> anyhow::Result<()> {
    if command.is_hide_set() {
        return Ok(());
    }
    let name = if above.is_empty() {
        command.get_name().to_owned()
    } else {
        format!("{above}-{}", command.get_name())
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name.to_uppercase())
        .section("8")
        .date(date)
        .source(SOURCE)
        .manual("evermod")
        .render(&mut text)?;
    pages.push((format!("{name}.8"), text));
    for below in command.get_subcommands() {
        pages_of(below, &name, date, pages)?;
    }
    Ok(())
}

/// Completions for the shells that packages carry: the path below `/usr/share` and the text.
pub(crate) fn completions() -> Vec<Page> {
    let of = |shell: Shell| {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut evermod_core::cli::command(), "evermod", &mut text);
        text
    };
    vec![
        ("bash-completion/completions/dkms".to_owned(), dkms_completions::bash().into_bytes()),
        ("bash-completion/completions/evermod".to_owned(), of(Shell::Bash)),
        ("fish/vendor_completions.d/dkms.fish".to_owned(), dkms_completions::fish().into_bytes()),
        ("fish/vendor_completions.d/evermod.fish".to_owned(), of(Shell::Fish)),
        ("zsh/vendor-completions/_dkms".to_owned(), dkms_completions::zsh().into_bytes()),
        ("zsh/vendor-completions/_evermod".to_owned(), of(Shell::Zsh)),
    ]
}

/// Writes all of it below `out`.
pub(crate) fn run(out: &Path, time: u64) -> anyhow::Result<()> {
    let pages = man_pages(time)?.into_iter().map(|(name, text)| (format!("man/{name}"), text));
    for (name, text) in pages.chain(completions()) {
        let path = out.join(name);
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        }
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
