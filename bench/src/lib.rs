//! The measuring harness: workloads, and runs of the engine on them.
//!
//! Figures are ratios within one run, or come with the spread of repeated runs: the machine is shared
//! and noisy. Nothing here is a test.

pub mod core_run;
pub mod report;
pub mod trades;
