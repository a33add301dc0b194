//! The `sluice` command and the checks of the workspace.
//!
//! [`tidy`] holds the source to the habits that no compiler checks, [`mutants`] holds the tests to
//! the bugs they claim to catch. The binaries parse arguments, call one function of this library
//! and map its answer to an exit code.

#![forbid(unsafe_code)]

pub mod error;
pub mod mutants;
pub mod tidy;
pub mod workspace;
