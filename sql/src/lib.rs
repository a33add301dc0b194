//! Text to plan: types, the plan IR and expression programs.
//!
//! Knows nothing of lanes, shards, files or clocks.
