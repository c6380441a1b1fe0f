//! evermod keeps out-of-tree kernel modules built, signed and installed for every kernel of a machine.
//!
//! The library is laid in floors, each standing only on those below (a test holds this):
//! [`model`], [`root`], [`pattern`] and [`sign`] at the ground; then [`places`]; then [`config`] and [`install`]; then
//! [`archive`], [`cache`] and [`publish`]; then [`report`]; then [`inventory`] and [`build`]; then [`plan`]; then [`exec`], the only place that runs
//! programs; then [`doctor`]; on top [`cli`].

pub mod archive;
pub mod build;
pub mod cache;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod exec;
pub mod install;
pub mod inventory;
pub mod model;
pub mod pattern;
pub mod places;
pub mod plan;
pub mod publish;
pub mod report;
pub mod root;
pub mod sign;
