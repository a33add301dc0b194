//! The deterministic dataflow: functions of their inputs, with no clock, file, thread or lock.

pub mod align;
pub mod arena;
pub mod effect;
pub mod feeder;
pub mod frame;
pub mod hash;
pub mod ids;
pub mod limits;
pub mod morsel;
pub mod operator;
pub mod row;
pub mod watermark;
