//! What `dkms --help` prints, made of the tables.

use super::table::{ACTIONS, OPTIONS, plain};

/// The usage text.
pub fn text() -> String {
    let mut text =
        String::from("Usage: dkms ACTION [OPTIONS] [MODULE/VERSION | DIRECTORY | FILE]\n\nActions:\n");
    for action in &ACTIONS {
        text.push_str(&row(action.name, action.brief));
    }
    text.push_str("\nOptions:\n");
    for option in OPTIONS.iter().filter(|option| !option.obsolete) {
        let spellings: Vec<_> = option.short.into_iter().chain(option.long).collect();
        let mut head = spellings.join(", ");
        if let Some(value) = option.value {
            head.push(' ');
            head.push_str(&plain(value.name()).to_uppercase());
        }
        let brief =
            if option.repeatable { format!("{}; repeatable", option.brief) } else { option.brief.into() };
        text.push_str(&row(&head, &brief));
    }
    text.push_str("\nThis is evermod, which keeps DKMS's contract; see dkms(8) and evermod(8).\n");
    text
}

fn row(head: &str, brief: &str) -> String {
    format!("  {head:<36} {brief}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_every_action_and_option_and_fits_a_terminal() {
        let text = text();
        for action in &ACTIONS {
            assert!(text.contains(&format!("\n  {} ", action.name)), "{}", action.name);
        }
        for option in OPTIONS.iter().filter(|option| !option.obsolete) {
            let name = option.long.or(option.short).unwrap();
            assert!(text.contains(name), "{name}");
        }
        assert_eq!(text.lines().find(|line| line.chars().count() > 100), None);
    }
}
