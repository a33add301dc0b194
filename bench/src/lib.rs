//! The measuring harness: workloads, and runs of the engine on them.
//!
//! Figures are ratios within one run, or come with the spread of repeated runs and with what the
//! machine did meanwhile: it is shared and noisy. Nothing here is a test.

pub mod alloc;
pub mod bounded;
pub mod clock;
pub mod close;
pub mod command;
pub mod continuous;
pub mod core_mode;
pub mod core_run;
pub mod drive;
pub mod durable;
pub mod engine;
pub mod faults;
pub mod hand;
pub mod hiccup;
pub mod histogram;
pub mod machine;
pub mod modes;
pub mod nexmark;
pub mod plot;
pub mod queries;
pub mod rate;
pub mod report;
pub mod rings;
pub mod schedule;
pub mod subject;
pub mod sys;
pub mod trades;

#[cfg(test)]
#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;
