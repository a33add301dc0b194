//! Relations that stand still: they take nothing, and keep what they have until they go on.

use std::collections::BTreeMap;

use super::{NodeId, Plan};

impl Plan {
    /// The views and streams that stand still, each with the nodes that are its own.
    pub fn paused(&self) -> &BTreeMap<NodeId, Vec<NodeId>> {
        &self.paused
    }

    /// The plan in which a view or stream stands still that runs; `own` are the nodes beneath it that
    /// are part of it, and the node itself.
    #[must_use]
    pub fn with_paused(&self, relation: NodeId, own: &[NodeId]) -> Plan {
        let mut plan = self.clone();
        plan.paused.insert(relation, own.to_vec());
        plan
    }

    /// The plan in which it goes on.
    #[must_use]
    pub fn with_resumed(&self, relation: NodeId) -> Plan {
        let mut plan = self.clone();
        plan.paused.remove(&relation);
        plan
    }
}
