//! What apt says to its hooks, and what they answer, as values. No I/O: text goes in, values and replies come out.
//!
//! [`Plan`] is what a `DPkg::Pre-Install-Pkgs` hook reads: everything that dpkg is about to do, with the package files.
//! [`Session`] is a conversation with an `AptCli::Hooks` hook: what apt proposes to its user, before the question.

mod plan;
mod session;

pub use plan::{Action, Build, Plan, PlanError, Step};
pub use session::{Mode, Package, Proposal, Session, SessionError, Turn, Version, Versions};

#[cfg(test)]
mod tests;
