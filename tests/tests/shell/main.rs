//! The database as applications link it, on this machine: one binary, because each links everything.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail as tests do, and children say what they measured"
)]

mod aggregates;
mod backup;
mod bad_directory;
mod bad_input;
mod catalog;
mod child;
mod directory;
mod endings;
mod fixture;
mod follow;
mod frozen;
mod functions;
mod idle;
mod inline;
mod kills;
mod letters;
mod life;
mod limits;
mod objects;
mod paused;
mod prepared;
mod pressure;
mod producers;
mod refusing_disk;
mod resharded;
mod results;
mod retained;
mod rig;
mod seccomp;
mod silence;
mod stopped;
mod subscribers;
mod told;
mod watchdog;
