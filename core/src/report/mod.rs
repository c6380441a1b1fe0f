//! What people and programs are told.

mod event;
mod journal;
mod lines;
pub mod lint;
pub mod matrix;
pub mod page;
mod progress;
pub mod status;

pub use event::{Event, Silent, Sink};
pub use journal::Journal;
pub use lines::{Lines, failure_text, line, seconds};
pub use progress::Progress;
