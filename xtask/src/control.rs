//! Reads `packaging/dist/debian/control`: what a person writes about the package.

use anyhow::{Context, bail};
use evermod_packaging::{Comparison, Dependency, Package, RelationKind, Requirement, Trigger};

/// Fills `package` from the text of a control file with one paragraph.
pub(crate) fn read(text: &str, package: &mut Package) -> anyhow::Result<()> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(continued) = line.strip_prefix(' ') {
            let (_, value) = fields.last_mut().context("the file begins with a continued line")?;
            value.push('\n');
            value.push_str(if continued == "." { "" } else { continued });
        } else {
            let (key, value) = line.split_once(':').with_context(|| format!("not a field: {line}"))?;
            fields.push((key.to_owned(), value.trim().to_owned()));
        }
    }
    for (key, value) in fields {
        let kind = match key.as_str() {
            "Package" => {
                package.name = value;
                continue;
            }
            "Maintainer" => {
                package.maintainer = value;
                continue;
            }
            "Section" => {
                package.section = value;
                continue;
            }
            "Homepage" => {
                package.homepage = value;
                continue;
            }
            "Description" => {
                let (summary, description) = value.split_once('\n').unwrap_or((&value, ""));
                package.summary = summary.to_owned();
                package.description = description.to_owned();
                continue;
            }
            "Depends" => RelationKind::Depends,
            "Recommends" => RelationKind::Recommends,
            "Suggests" => RelationKind::Suggests,
            "Breaks" => RelationKind::Breaks,
            "Conflicts" => RelationKind::Conflicts,
            "Replaces" => RelationKind::Replaces,
            "Provides" => RelationKind::Provides,
            _ => bail!("unknown field {key}"),
        };
        package.relations.insert(kind, relations(&value)?);
    }
    Ok(())
}

/// `a (>= 1), b | c`
fn relations(text: &str) -> anyhow::Result<Vec<Dependency>> {
    text.split(',')
        .map(|one| {
            Ok(Dependency(one.split('|').map(|one| requirement(one.trim())).collect::<anyhow::Result<_>>()?))
        })
        .collect()
}

fn requirement(text: &str) -> anyhow::Result<Requirement> {
    let Some((name, range)) = text.split_once(" (") else {
        return Ok(Requirement { name: text.to_owned(), version: None });
    };
    let range = range.strip_suffix(')').with_context(|| format!("`{text}` does not end"))?;
    let (sign, version) = range.split_once(' ').with_context(|| format!("`{text}` has no version"))?;
    let comparison = match sign {
        "<<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        "=" => Comparison::Equal,
        ">=" => Comparison::GreaterEqual,
        ">>" => Comparison::Greater,
        _ => bail!("`{text}`: `{sign}` compares nothing"),
    };
    Ok(Requirement { name: name.to_owned(), version: Some((comparison, version.to_owned())) })
}

/// Reads a `triggers` file.
pub(crate) fn triggers(text: &str) -> anyhow::Result<Vec<Trigger>> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| match line.split_once(' ') {
            Some(("interest", name)) => Ok(Trigger::Interest(name.to_owned())),
            Some(("interest-noawait", name)) => Ok(Trigger::InterestNoAwait(name.to_owned())),
            Some(("activate-noawait", name)) => Ok(Trigger::ActivateNoAwait(name.to_owned())),
            _ => bail!("unknown trigger: {line}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_shipped_files() {
        let mut package = Package::default();
        read(include_str!("../../packaging/dist/debian/control"), &mut package).unwrap();
        assert_eq!(package.name, "evermod");
        let provides = [Dependency::versioned("dkms", Comparison::Equal, "3.4.3")];
        assert_eq!(package.relations[&RelationKind::Provides], provides);
        assert!(package.relations[&RelationKind::Depends].contains(&Dependency::on("gcc").or("c-compiler")));
        assert!(
            package.description.contains("\n\n  * a module")
                || package.description.contains("\n\n * a module")
        );
        let triggers = triggers(include_str!("../../apt-hook/triggers")).unwrap();
        assert!(triggers.contains(&Trigger::InterestNoAwait("evermod-rebuild".to_owned())));
    }

    #[test]
    fn refuses_nonsense() {
        for text in [" x: y", "Depends: a (>= 1", "Depends: a (~ 1)", "Wrong: a", "no field"] {
            assert!(read(text, &mut Package::default()).is_err(), "{text}");
        }
        assert!(triggers("await x").is_err());
    }
}
