//! Where event time ends: why no watermark follows a column.

use crate::expr::Expr;
use crate::plan::{Builder, NodeId, Op};

impl Builder {
    /// Why column `column` of node `id` does not follow a watermark, as the end of a sentence. The node
    /// must be of the plan, and have no event time in that column.
    pub fn why_untimed(&self, id: NodeId, column: usize) -> String {
        let Ok(node) = self.node(id) else { return format!("the plan has no node {}", id.0) };
        let name = |column: usize| &node.schema.field(column).name;
        match &node.op {
            Op::Source { name: source, time: None, .. } => {
                format!("source \"{source}\" declares no watermark")
            }
            Op::Source { name: source, time: Some(time), .. } => format!(
                "the watermark of source \"{source}\" is that of \"{}\" and not of \"{}\"",
                name(time.column),
                name(column)
            ),
            Op::Filter { input, .. } | Op::View { input, .. } | Op::Stream { input, .. } => {
                self.why_untimed(*input, column)
            }
            Op::Project { input, outputs } => match &outputs[column].1 {
                Expr::Column(from) => self.why_untimed(*input, *from),
                computed => {
                    let beneath = self.node(*input).map(|node| computed.text(&node.schema));
                    format!(
                        "\"{}\" is computed as {}, and a watermark follows columns as they are",
                        name(column),
                        beneath.unwrap_or_default()
                    )
                }
            },
            Op::Aggregate { window: None, keys, .. } => format!(
                "beneath it the groups {} have no window, so that they may change at any time",
                match keys.len() {
                    0 => "of all rows".to_owned(),
                    _ => format!(
                        "by {}",
                        (0..keys.len())
                            .map(|at| format!("\"{}\"", name(at)))
                            .collect::<Vec<_>>()
                            .join(", ")
                    ),
                }
            ),
            Op::Aggregate { input, window: Some(window), .. } => {
                let timed =
                    self.node(*input).is_ok_and(|node| node.time_of(*window.time()).is_some());
                if timed {
                    format!(
                        "of the windows beneath it \"window_start\" and \"window_end\" follow the \
                         watermark, and \"{}\" does not",
                        name(column)
                    )
                } else {
                    self.why_untimed(*input, *window.time())
                }
            }
            Op::Late { .. } => "late rows are behind every watermark".to_owned(),
            Op::Over { .. } => "beneath it the results of a row of any age may change".to_owned(),
            Op::Top { .. } => {
                "beneath it a row of any age may be among the first when another one goes"
                    .to_owned()
            }
            Op::Join { .. } => {
                "beneath it is a join whose rows pair with rows of any age, or it is not a column \
                 that the join compares as event time"
                    .to_owned()
            }
        }
    }
}
