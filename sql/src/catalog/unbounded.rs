//! What is told at CREATE of state that nothing bounds.

use super::decide::Notice;
use crate::plan::{Bound, NodeId, Op, Plan, Ranking};

/// A notice for each of `nodes` that would grow for ever, as part of the query `name`.
pub(super) fn notices(plan: &Plan, nodes: &[NodeId], name: &str) -> Vec<Notice> {
    let mut notices = Vec::new();
    for &id in nodes {
        for kept in plan.kept(id).iter().filter(|kept| kept.bound == Bound::Nothing) {
            let message = format!("\"{name}\" keeps {}: nothing bounds them", kept.what);
            let hint = Some(hint(&plan.node(id).op).to_owned());
            notices.push(Notice { message, hint });
        }
    }
    notices
}

fn hint(op: &Op) -> &'static str {
    match op {
        Op::View { .. } => "CREATE STREAM publishes rows without keeping them.",
        Op::Aggregate { window: Some(_), .. } => {
            "Declare a watermark on the source, so that windows close: WITH (watermark = 'ts')."
        }
        Op::Aggregate { .. } => {
            "Group by a window, whose values go when it closes: tumble(ts, INTERVAL '1 minute')."
        }
        Op::Over { .. } => {
            "OVER needs all rows: read from a view whose rows go, or keep the first by \
             WHERE row_number <= 10."
        }
        Op::Top { ranking: Ranking::Rank | Ranking::DenseRank, .. } => {
            "row_number() keeps a fixed number of rows, however many are alike."
        }
        Op::Top { .. } => "Partition by what has a bounded number of values, not by a time.",
        Op::Join { .. } => {
            "A join remembers each row, because its match may come at any time. Compare the event \
             times of both sides, so that it forgets rows: AND a.ts BETWEEN b.ts - INTERVAL '1 hour' \
             AND b.ts + INTERVAL '1 hour', or equal windows."
        }
        _ => "See EXPLAIN for what it keeps.",
    }
}
