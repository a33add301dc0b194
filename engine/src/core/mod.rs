//! The deterministic dataflow: functions of their inputs, with no clock, file, thread or lock.
//!
//! A [`shard::Shard`] is told what happened ([`effect::Input`]) and says what must happen next
//! ([`effect::Effect`]); the [`coordinator::Coordinator`] does the same for what concerns all shards,
//! and a [`feeder::Feeder`] for what a producer does. The shell carries effects out on a machine, the
//! simulated world in one thread, and both call the same functions.

pub mod align;
pub mod arena;
pub mod coordinator;
pub mod effect;
pub mod feeder;
pub mod frame;
pub mod graph;
pub mod hash;
pub mod ids;
pub mod limits;
pub mod morsel;
pub mod operator;
pub mod recovery;
pub mod row;
pub mod shard;
pub mod watermark;
