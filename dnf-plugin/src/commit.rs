//! zypper's commit plugins: frames in the manner of STOMP. Each has a command, headers, and a body that is JSON or nothing,
//! and ends in a zero byte; each wants an answer.

use crate::{Direction, Malformed, Package};
use serde::Deserialize;

/// The answer to every frame. The protocol knows ERROR too: libzypp writes it to its log and goes on all the same.
pub const ACK: &str = "ACK\n\n\0";

/// What zypper says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// It is about to begin: nothing is installed, most often nothing is downloaded.
    Begin(Vec<Package>),
    /// It has ended, all scriptlets included.
    End(Vec<Package>),
    /// The last one.
    Disconnect,
    /// One that asks for nothing.
    Other,
}

#[derive(Deserialize)]
struct Steps {
    #[serde(rename = "TransactionStepList", default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(rename = "type", default)]
    kind: String,
    solvable: Option<Package>,
}

/// Reads a frame, without the zero byte at its end.
///
/// # Errors
/// The body is not zypper's.
pub fn frame(text: &str) -> Result<Frame, Malformed> {
    let text = text.trim_start_matches('\n');
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    match head.lines().next().unwrap_or_default() {
        "COMMITBEGIN" => packages(head, body).map(Frame::Begin),
        "COMMITEND" => packages(head, body).map(Frame::End),
        "_DISCONNECT" => Ok(Frame::Disconnect),
        _ => Ok(Frame::Other),
    }
}

fn packages(head: &str, body: &str) -> Result<Vec<Package>, Malformed> {
    let body = if body.trim().is_empty() { "{}" } else { body };
    let malformed = |e| Malformed::json("zypper's list of steps", head.lines().count() + 1, &e);
    let Steps { steps } = serde_json::from_str(body).map_err(malformed)?;
    let package = |step: Step| {
        // M: one more of those that may be there several times.
        let direction = match step.kind.as_str() {
            "+" | "M" => Direction::In,
            "-" => Direction::Out,
            _ => return None,
        };
        // `patch:NAME` and its like are no packages.
        let solvable = step.solvable.filter(|solvable| !solvable.name.contains(':'))?;
        Some(Package { direction, ..solvable })
    };
    Ok(steps.into_iter().filter_map(package).collect())
}
