//! Names and words out of a stranger's package.

use super::error::Problem;

/// Longer than any path that Linux opens.
const LONGEST: usize = 4096;

/// A member's name without leading `./` and without a `/` at its end; `None` for the root directory itself.
pub(super) fn path(raw: &[u8]) -> Result<Option<String>, Problem> {
    let refused = |why| Problem::refused(&String::from_utf8_lossy(raw), why);
    let text = std::str::from_utf8(raw).map_err(|_| refused("its name is not UTF-8"))?;
    if text.len() >= LONGEST {
        return Err(refused("its name is too long"));
    }
    if text.chars().any(char::is_control) {
        return Err(refused("its name holds control characters"));
    }
    if text.starts_with('/') {
        return Err(refused("its name is absolute"));
    }
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(refused("its name leads out by '..'")),
            part => parts.push(part),
        }
    }
    Ok(Some(parts.join("/")).filter(|path| !path.is_empty()))
}

/// The text of a symbolic link: any, but on one line.
pub(super) fn target(name: &str, raw: &[u8]) -> Result<String, Problem> {
    let text = std::str::from_utf8(raw).ok();
    let text = text.filter(|text| !text.is_empty() && text.len() < LONGEST);
    let text = text.filter(|text| !text.chars().any(char::is_control));
    text.map(str::to_owned)
        .ok_or_else(|| Problem::refused(name, "it is a link to a name that cannot be used"))
}

/// A package's name, version or architecture, which end up in messages and file names.
pub(super) fn word(field: &str, value: &str) -> Result<(), Problem> {
    let wrong = match value {
        "" => format!("it has no {field}"),
        _ if value.len() > 256 => format!("its {field} is too long"),
        _ if value.starts_with(['-', '.']) || value.contains('/') => {
            format!("its {field} is `{}`", value.escape_debug())
        }
        _ if !value.chars().all(|c| c.is_ascii_graphic()) => {
            format!("its {field} holds characters that no {field} has")
        }
        _ => return Ok(()),
    };
    Err(Problem::damaged(wrong))
}
