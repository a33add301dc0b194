//! What a sink and the checkpoints of its database tell each other.
//!
//! A checkpoint is sealed when all sinks have made safe what they were given in front of its mark, and
//! holds where each of them was then. After a restart a sink goes back there, and is given again what
//! came behind.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::error::Error;
use super::subscribe::{ChangeSet, Delivered, Subscription};
use crate::core::effect::SinkId;
use crate::core::feeder::Position;
use crate::core::ids::Epoch;
use crate::shell::epochs::SealedEpoch;
use crate::shell::inbox::{Inbox, Request};

/// The changes that a sink is given, with the marks of checkpoints between them.
///
/// Dropped before [`Given::End`] it says that the sink has failed: checkpoints go on without it, and
/// hold where it was when the last one was sealed.
pub struct Kept {
    changes: Subscription,
    sink: SinkId,
    position: Option<Position>,
    inbox: Arc<Inbox>,
    sealed: Arc<SealedEpoch>,
    /// Shards whose mark was reached, while others have not come to theirs.
    marked: Vec<bool>,
    /// What came behind those marks.
    aside: VecDeque<ChangeSet>,
    ended: bool,
}

/// What a sink is given next.
#[derive(Debug)]
pub enum Given {
    /// Changes to write.
    Changes(ChangeSet),
    /// A checkpoint, with its number: what was given before it is to be made safe, and
    /// [`Kept::written`] told. Numbers grow, over restarts too.
    Mark(u64),
    /// Nothing came within the time.
    Nothing,
    /// Nothing comes any more.
    End,
}

/// What a sink is connected by.
pub(super) struct Keeper {
    pub(super) sink: SinkId,
    pub(super) position: Option<Position>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) sealed: Arc<SealedEpoch>,
}

impl Kept {
    pub(super) fn new(changes: Subscription, keeper: Keeper) -> Kept {
        let Keeper { sink, position, inbox, sealed } = keeper;
        let (marked, aside) = (vec![false; changes.shards()], VecDeque::new());
        Kept { changes, sink, position, inbox, sealed, marked, aside, ended: false }
    }

    /// Where the sink goes on, in a database that was opened again; none where it begins.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// What comes next; waits for it at most so long.
    pub fn next_timeout(&mut self, time: Duration) -> Result<Given, Error> {
        loop {
            let aligning = self.marked.contains(&true);
            if !aligning && let Some(set) = self.aside.pop_front() {
                return Ok(Given::Changes(set));
            }
            let Some(delivered) = self.changes.next_delivered(time)? else {
                self.ended = self.changes.is_over();
                return Ok(if self.ended { Given::End } else { Given::Nothing });
            };
            match delivered {
                Delivered::Changes(set) if self.marked[set.shard()] => self.aside.push_back(set),
                Delivered::Changes(set) => return Ok(Given::Changes(set)),
                Delivered::Mark { epoch, shard } => {
                    let marked = std::mem::replace(&mut self.marked[shard.index()], true);
                    assert!(!marked, "a checkpoint waits for its sinks before the next begins");
                    if !self.marked.contains(&false) {
                        self.marked.fill(false);
                        return Ok(Given::Mark(epoch.0));
                    }
                }
            }
        }
    }

    /// Gives the buffers of changes back.
    pub fn recycle(&mut self, set: ChangeSet) {
        self.changes.recycle(set);
    }

    /// What was given in front of this mark is safe: should the database crash, the sink goes on at
    /// this position, and nothing that it was given before comes again.
    pub fn written(&mut self, mark: u64, position: Position) {
        let (sink, epoch) = (self.sink.view, Epoch(mark));
        self.position = Some(position);
        // A database that has ended seals nothing any more.
        let _ended = self.inbox.post(Request::Written { sink, epoch, position });
    }

    /// Marks up to this one are in checkpoints that are sealed: no restart goes back behind them.
    pub fn sealed(&self) -> u64 {
        self.sealed.read().0
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // One that was dropped may be in a checkpoint that still waits for it.
        if !self.ended {
            let _ended = self.inbox.post(Request::Failed { sink: self.sink });
        }
    }
}
