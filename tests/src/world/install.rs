//! The graph changes while the database runs.

use sluicedb::core::graph::Change;

use super::World;

impl World {
    /// A shard has another graph.
    pub(super) fn changed(&mut self, _shard: usize, _change: &Change) {}

    /// All shards have it.
    pub(super) fn installed(&mut self, _change: &Change) {}
}
