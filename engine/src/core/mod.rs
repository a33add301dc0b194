//! The deterministic dataflow: functions of their inputs, with no clock, file, thread or lock.

pub mod arena;
