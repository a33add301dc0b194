//! One binary for all families, because each links everything.

mod bad_input;
mod coverage;
mod crash_everywhere;
mod determinism;
mod fail_everywhere;
mod fixed;
mod golden;
mod liveness;
mod random;
mod rot;
mod scenarios;
mod starved;
