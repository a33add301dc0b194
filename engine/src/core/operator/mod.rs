//! What runs inside a stage: one operator per file.
//!
//! Invariants:
//! - An operator is given an item only when it is idle, and emits one item at a time; the stage
//!   hands it on before it asks again. So no operator buffers another's output.
//! - What an operator must remember at a barrier lies in its zone of the arena. Outside it keeps only
//!   scratch space and the cursor of the item it is working on, and a barrier finds it idle.

mod aggregate;
mod discard;
mod exchange;
mod join;
mod map;
mod ordered;
mod over;
mod rehome;
mod retain;
mod stream;
mod top;
mod view;

pub use aggregate::{Aggregate, AggregateOptions, WindowOptions};
pub use discard::Discard;
pub use exchange::{Exchange, ExchangeOptions};
pub use join::{Join, JoinOptions};
pub use map::{Map, MapOptions};
pub use over::{Over, OverOptions};
pub use rehome::{Home, NoRoom};
pub use retain::{Retain, RetainCursor, RetainOptions, RetainReader};
pub use stream::{Stream, StreamOptions};
pub use top::{Top, TopOptions};
pub use view::{View, ViewCursor, ViewOptions, ViewReader};

use super::arena::{Arena, BLOCK_BYTES, FreezeKind, Headroom, ZoneId};
use super::effect::Effect;
use super::frame::Barrier;
use super::ids::{Epoch, LaneId, OperatorId, Time};
use super::limits::{MORSEL_ROWS_MAX, SHADOW_BLOCKS_PER_ROW, STATE_BLOCKS_PER_ROW};
use super::morsel::{Morsel, Pool};

/// An end of an operator, counted for inputs and outputs apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Port(pub u8);

/// What passes from operator to operator.
#[derive(Debug)]
pub enum Item {
    /// Deltas.
    Rows(Morsel),
    /// No row below it follows.
    Watermark(Time),
}

/// What an operator did when it was asked to go on.
#[derive(Debug)]
pub enum Work {
    /// Everything it was given is worked off.
    Idle,
    /// One item for whoever is on that output port; there may be more.
    Emit(Port, Item),
    /// It owes more, but lacks fuel, room on a lane, or blocks for state.
    Yield,
}

/// One node of the graph on one shard. Shards are made on one thread and work on another.
pub trait Operator: Send {
    /// Lays out its state in its zone. Called once, unless the zone is restored.
    fn create(&mut self, arena: &mut Arena);

    /// Takes an item. The operator is idle.
    fn accept(&mut self, port: Port, item: Item, context: &mut Context<'_>);

    /// Takes note that an epoch ends behind everything it was given; what it owes for that, `work`
    /// makes. The operator is idle.
    fn barrier(&mut self, barrier: Barrier);

    /// Goes on with what it was given, at most until the fuel is gone.
    fn work(&mut self, context: &mut Context<'_>) -> Work;

    /// Hears who reads it from here on. Told to those only that keep what they put out, whose readers
    /// come and go; it is idle.
    fn read(&mut self, _reading: Reading) {}

    /// Groups that have no result because it does not fit its type.
    fn withheld(&self, _arena: &Arena) -> u64 {
        0
    }

    /// Gives up a part of what it keeps, where that is kept only as long as nobody else wants the memory.
    /// No freeze reads its zone.
    fn shed(&mut self, _arena: &mut Arena) {}

    /// Whether it is known to owe nothing, so that `work` need not be asked. Of interest to those
    /// who are often done with an item as soon as they have taken or emitted one.
    fn rests(&self) -> bool {
        false
    }
}

/// Whether blocks may be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Allowed {
    /// They may.
    Now,
    /// A freeze must end before.
    Later,
    /// There is no memory for them.
    Never,
}

/// Who reads a view, or a source that keeps its rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// Whether anybody does, so that what it is given goes on to [`PASSED_ON`].
    pub passes_on: bool,
    /// Whether somebody has just come, who is owed rows on [`OWED`].
    pub owed: Option<Owing>,
    /// Under which number to remember how far it has come, for somebody who will be owed what comes
    /// behind that.
    pub mark: Option<MarkId>,
}

/// What those are owed who have just come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owing {
    /// The mark behind which they have seen nothing; all rows are owed where absent.
    pub since: Option<MarkId>,
    /// The watermark that follows the rows.
    pub time: Time,
}

/// Names a place that a source remembers, among those of this source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MarkId(pub u8);

/// The output of what is kept for all who read it.
pub const PASSED_ON: Port = Port(0);
/// The output of what is kept for those who have just come to read it.
pub const OWED: Port = Port(1);

/// Why an operator can never go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// State has grown to its limit: its shard gives something up.
    Memory,
    /// A row would be there more often than [`super::limits::WEIGHT_MAX`] times: its shard stops.
    Weight(OperatorId),
}

/// What an operator may use while it works.
pub struct Context<'a> {
    /// State of all operators of the shard.
    pub arena: &'a mut Arena,
    /// Morsels for output.
    pub pool: &'a mut Pool,
    /// Rows that may still be worked on.
    pub fuel: &'a mut usize,
    /// The lanes to higher stages.
    pub lanes: &'a mut Lanes,
    /// What is asked of the outside.
    pub effects: &'a mut Vec<Effect>,
    /// The open epoch of the stage.
    pub epoch: Epoch,
    /// Where the operator's state lies.
    pub zone: ZoneId,
    /// Set by an operator that can never go on.
    pub stop: &'a mut Option<Stop>,
}

impl Context<'_> {
    /// How many rows may be worked on at once, at most `wanted`, so that neither the fuel nor the
    /// arena runs out in the middle; `text_bytes` says how much text so many rows have. Fewer are
    /// tried where many would not fit. Memory for them is committed.
    pub fn allow(&mut self, wanted: usize, text_bytes: impl Fn(usize) -> usize) -> usize {
        let stop = *self.stop;
        let mut rows = wanted.min(*self.fuel).min(MORSEL_ROWS_MAX);
        while rows > 0 {
            *self.stop = stop;
            let allowed = self.rows_allowed(text_bytes(rows)).min(rows);
            if allowed == rows || rows == 1 {
                return allowed;
            }
            rows = allowed.clamp(1, rows / 2);
        }
        0
    }

    /// How many rows of so much text fit, up to the fuel.
    fn rows_allowed(&mut self, text_bytes: usize) -> usize {
        let frozen = [FreezeKind::Read, FreezeKind::Checkpoint]
            .map(|kind| self.arena.has_joined(self.zone, kind))
            .contains(&true);
        let headroom = self.arena.headroom();
        let text_blocks = text_bytes.div_ceil(BLOCK_BYTES / 2);
        let rows = |blocks: u32, per_row| (blocks as usize).saturating_sub(text_blocks) / per_row;
        let state = rows(headroom.state_blocks, STATE_BLOCKS_PER_ROW);
        // A zone that has not joined a freeze copies nothing. It must not wait for copies either:
        // others may hold them all until it has passed the barrier.
        let shadow =
            if frozen { rows(headroom.shadow_blocks, SHADOW_BLOCKS_PER_ROW) } else { usize::MAX };
        let allowed = state.min(shadow).min(*self.fuel);
        let blocks = |per_row| (allowed * per_row + text_blocks) as u32;
        let need = Headroom {
            state_blocks: blocks(STATE_BLOCKS_PER_ROW),
            shadow_blocks: if frozen { blocks(SHADOW_BLOCKS_PER_ROW) } else { 0 },
        };
        let committed = allowed > 0 && self.arena.reserve(need).is_ok();
        // What other zones freed under a freeze comes back only when all stages have passed its
        // barrier; a zone that has not joined the freeze has not, so it waits for nobody.
        if !committed && !frozen && *self.fuel > 0 {
            *self.stop = Some(Stop::Memory);
        }
        if committed { allowed } else { 0 }
    }

    /// Whether an operator that writes few blocks, and knows how many, may write them. Memory for
    /// them is committed then.
    pub fn allow_blocks(&mut self, need: Headroom) -> Allowed {
        let frozen = [FreezeKind::Read, FreezeKind::Checkpoint]
            .map(|kind| self.arena.has_joined(self.zone, kind))
            .contains(&true);
        // As in `rows_allowed`: a zone that has not joined a freeze copies nothing.
        let need = if frozen { need } else { Headroom { shadow_blocks: 0, ..need } };
        if self.arena.headroom().covers(need) && self.arena.reserve(need).is_ok() {
            return Allowed::Now;
        }
        // Copies come back when the freeze ends, and so does what was freed under it.
        if frozen { Allowed::Later } else { Allowed::Never }
    }

    /// Pays for rows that were worked on.
    pub fn burn(&mut self, rows: usize) {
        assert!(rows <= *self.fuel, "an operator worked on {rows} rows with {} allowed", self.fuel);
        *self.fuel -= rows;
    }
}

/// What every operator is told when it is made.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its number in the graph.
    pub operator: OperatorId,
    /// Where its state lies.
    pub zone: ZoneId,
}

/// The outgoing lanes of one stage and the room that is left on each.
#[derive(Debug, Default)]
pub struct Lanes {
    lanes: Vec<(LaneId, u32)>,
}

impl Lanes {
    /// Lanes of which nothing is known yet, so that they have no room. Sorted by id.
    pub fn new(ids: impl Iterator<Item = LaneId>) -> Lanes {
        let lanes: Vec<_> = ids.map(|id| (id, 0)).collect();
        assert!(lanes.is_sorted(), "lanes are found by binary search");
        Lanes { lanes }
    }

    fn position(&self, lane: LaneId) -> usize {
        let found = self.lanes.binary_search_by_key(&lane, |&(id, _)| id);
        found.unwrap_or_else(|_| panic!("{lane} is not a lane of this stage"))
    }

    /// Free places on a lane.
    pub fn room(&self, lane: LaneId) -> u32 {
        self.lanes[self.position(lane)].1
    }

    /// Whether a lane leads from this stage.
    pub fn knows(&self, lane: LaneId) -> bool {
        self.lanes.binary_search_by_key(&lane, |&(id, _)| id).is_ok()
    }

    /// Takes note of the room the outside found.
    pub fn set_room(&mut self, lane: LaneId, frames: u32) {
        let at = self.position(lane);
        assert!(self.lanes[at].1 <= frames, "{lane} lost room without a frame");
        self.lanes[at].1 = frames;
    }

    /// Takes one place on a lane.
    pub fn take(&mut self, lane: LaneId) {
        let at = self.position(lane);
        let room = self.lanes[at].1;
        self.lanes[at].1 = room.checked_sub(1).unwrap_or_else(|| panic!("{lane} has no room"));
    }

    /// Whether every lane has a free place.
    pub fn all_have_room(&self) -> bool {
        self.lanes.iter().all(|&(_, room)| room > 0)
    }

    /// All of them, sorted.
    pub fn ids(&self) -> impl Iterator<Item = LaneId> + '_ {
        self.lanes.iter().map(|&(id, _)| id)
    }

    /// Takes one place on every lane, as each comes up.
    pub fn take_all(&mut self) -> impl Iterator<Item = LaneId> + '_ {
        self.lanes.iter_mut().map(|(id, room)| {
            *room = room.checked_sub(1).unwrap_or_else(|| panic!("{id} has no room"));
            *id
        })
    }
}
