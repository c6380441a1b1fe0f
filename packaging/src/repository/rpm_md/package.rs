//! One package in the words of the three lists.

use super::super::Stored;
use super::xml::escaped;
use crate::read::{Listed, ListedKind, PackageFile, RpmDetails, RpmRelation, RpmRelations};

/// `RPMSENSE_*`: the comparisons, and before which script a relation has to hold.
const LESS: u64 = 1 << 1;
const GREATER: u64 = 1 << 2;
const EQUAL: u64 = 1 << 3;
const EARLY: u64 = (1 << 6) | (1 << 9) | (1 << 11);
/// How many entries of a changelog are kept, as createrepo_c does.
const CHANGES: usize = 10;

/// Its texts in `primary`, `filelists` and `other`.
pub(super) fn texts(
    package: &PackageFile,
    details: &RpmDetails,
    listing: &[Listed],
    stored: &Stored,
) -> [String; 3] {
    let RpmDetails { epoch, version, release, .. } = details;
    let (version, release) = (escaped(version), escaped(release));
    let version = format!("  <version epoch=\"{epoch}\" ver=\"{version}\" rel=\"{release}\"/>\n");
    let (name, architecture) = (escaped(&package.name), escaped(&package.architecture));
    let head =
        format!("<package pkgid=\"{}\" name=\"{name}\" arch=\"{architecture}\">\n{version}", stored.sha256);
    let files: String = listing.iter().map(file).collect();
    let changes: String = details
        .changelog
        .iter()
        .take(CHANGES)
        .rev()
        .map(|change| {
            let (author, text) = (escaped(&change.author), escaped(&change.text));
            format!("  <changelog author=\"{author}\" date=\"{}\">{text}</changelog>\n", change.time)
        })
        .collect();
    let primary = primary(&name, &architecture, &version, details, listing, stored);
    [primary, format!("{head}{files}</package>\n"), format!("{head}{changes}</package>\n")]
}

fn primary(
    name: &str,
    architecture: &str,
    version: &str,
    details: &RpmDetails,
    listing: &[Listed],
    stored: &Stored,
) -> String {
    let mut out = format!(
        "<package type=\"rpm\">\n  <name>{name}</name>\n  <arch>{architecture}</arch>\n{version}  \
         <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum>\n",
        stored.sha256
    );
    let mut element = |indent: &str, name: &str, text: &str| {
        out.push_str(&format!("{indent}<{name}>{}</{name}>\n", escaped(text)));
    };
    element("  ", "summary", &details.summary);
    element("  ", "description", &details.description);
    element("  ", "packager", &details.packager);
    element("  ", "url", &details.url);
    out.push_str(&format!(
        "  <time file=\"{time}\" build=\"{time}\"/>\n  <size package=\"{}\" installed=\"{}\" archive=\"{}\"/>\n  \
         <location href=\"{}\"/>\n  <format>\n",
        stored.size,
        details.installed_size,
        details.archive_size,
        escaped(&stored.path),
        time = details.build_time,
    ));
    let mut element = |name: &str, text: &str| {
        out.push_str(&format!("    <rpm:{name}>{}</rpm:{name}>\n", escaped(text)));
    };
    element("license", &details.license);
    element("vendor", &details.vendor);
    element("group", &details.group);
    element("buildhost", &details.build_host);
    element("sourcerpm", &details.source_rpm);
    let (start, end) = (details.header.start, details.header.end);
    out.push_str(&format!("    <rpm:header-range start=\"{start}\" end=\"{end}\"/>\n"));
    for (kind, list) in &details.relations {
        relations(&mut out, *kind, list);
    }
    // What a package may be asked for by without the list of all files.
    let is_primary =
        |path: &str| path.starts_with("etc/") || path.contains("bin/") || path == "usr/lib/sendmail";
    for listed in listing.iter().filter(|listed| is_primary(&listed.path)) {
        out.push_str("  ");
        out.push_str(&file(listed));
    }
    out.push_str("  </format>\n</package>\n");
    out
}

fn file(listed: &Listed) -> String {
    let kind = match listed.kind {
        ListedKind::File => "",
        ListedKind::Directory => " type=\"dir\"",
        ListedKind::Ghost => " type=\"ghost\"",
    };
    format!("  <file{kind}>/{}</file>\n", escaped(&listed.path))
}

fn relations(out: &mut String, kind: RpmRelations, list: &[RpmRelation]) {
    let element = match kind {
        RpmRelations::Provides => "provides",
        RpmRelations::Requires => "requires",
        RpmRelations::Conflicts => "conflicts",
        RpmRelations::Obsoletes => "obsoletes",
        RpmRelations::Suggests => "suggests",
        RpmRelations::Enhances => "enhances",
        RpmRelations::Recommends => "recommends",
        RpmRelations::Supplements => "supplements",
    };
    let is_required = kind == RpmRelations::Requires;
    let mut lines: Vec<String> = Vec::new();
    for relation in list {
        // Of rpm itself; what installs knows them.
        if is_required && relation.name.starts_with("rpmlib(") {
            continue;
        }
        let early = if is_required && relation.flags & EARLY != 0 { " pre=\"1\"" } else { "" };
        let line = format!("<rpm:entry name=\"{}\"{}{early}/>\n", escaped(&relation.name), range(relation));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        return;
    }
    out.push_str(&format!("    <rpm:{element}>\n"));
    for line in lines {
        out.push_str("      ");
        out.push_str(&line);
    }
    out.push_str(&format!("    </rpm:{element}>\n"));
}

/// The attributes that say which versions.
fn range(relation: &RpmRelation) -> String {
    let flags = match relation.flags & (LESS | GREATER | EQUAL) {
        LESS => "LT",
        GREATER => "GT",
        EQUAL => "EQ",
        flags if flags == LESS | EQUAL => "LE",
        flags if flags == GREATER | EQUAL => "GE",
        _ => return String::new(),
    };
    let (epoch, rest) = relation.version.split_once(':').unwrap_or(("0", &relation.version));
    let (version, release) = match rest.rsplit_once('-') {
        Some((version, release)) => (version, format!(" rel=\"{}\"", escaped(release))),
        None => (rest, String::new()),
    };
    format!(" flags=\"{flags}\" epoch=\"{}\" ver=\"{}\"{release}", escaped(epoch), escaped(version))
}
