//! What people and programs are told.

mod event;

pub use event::{Event, Silent, Sink};
