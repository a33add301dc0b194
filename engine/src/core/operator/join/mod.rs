//! Joins on equal keys, and on conditions beside them; both inputs may retract.
//!
//! Each delta meets the rows that the other side holds at that moment, then joins its own side. So
//! every pair is made once, by whichever of the two comes later. Where it matters for a row whether it
//! has a match, the delta that brings the first one or takes the last one puts that right.
//!
//! Invariants:
//! - A row with a NULL in its key is neither matched nor kept, unless NULLs are equal.
//! - The weight of a pair is the product of the weights of its rows. A row has a match while the
//!   weights of those that match it add up to more than zero.
//! - A delta is applied to its own side only when all its matches are made.

mod by_time;
mod condition;
mod ending;
mod options;
mod output;
mod rehome;
mod side;

pub use options::JoinOptions;

use sluicedb_sql::SqlError;
use sluicedb_sql::plan::JoinKind;

use super::{Context, Item, Operator, Place, Port, Stop, Work};
use crate::core::arena::{Anchor, Arena, BlockId, SlotId};
use crate::core::effect::Effect;
use crate::core::frame::Barrier;
use crate::core::hash::hash_rows;
use crate::core::limits::WEIGHT_MAX;
use crate::core::morsel::{Morsel, ShapeId};
use crate::core::row::Row;
use condition::Condition;
use ending::{Ended, Ending};
use output::Output;
use side::{Delta, Side};

/// Spreads ties over the hashes of otherwise equal rows.
const TIE_SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The operator that joins its inputs.
pub struct Join {
    place: Place,
    root: BlockId,
    kind: JoinKind,
    nulls_equal: bool,
    output_shape: ShapeId,
    sides: [Side; 2],
    condition: Option<Condition>,
    /// Where rows that match are near each other in event time.
    ending: Option<Ending>,
    both_shape: ShapeId,
    output: Output,
    given: Option<Given>,
    row_hashes: Vec<u64>,
    key_hashes: Vec<u64>,
    /// Rows that may be applied before it is asked again whether there is memory for them.
    allowed: usize,
}

/// A morsel and how far it is worked off.
struct Given {
    side: usize,
    morsel: Morsel,
    /// The delta that is being worked on.
    row: usize,
    at: At,
    /// The first row of its key on its own side, if that was looked for.
    first: Option<SlotId>,
    /// The next row of its key on the other side.
    next: SlotId,
    /// The row of the other side that it meets, and how far that is told.
    met: Option<(SlotId, Part)>,
    /// Whether rows of the other side that it meets had a match before, and have one behind it; nothing
    /// where that stays.
    flip: Option<(bool, bool)>,
    /// The weight of all that match it.
    matches: i64,
}

/// How far a delta is worked off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// Nothing was looked for.
    Begin,
    /// Matches are still to be met.
    Meet,
    /// It is still to be told whether it has a match.
    Tell,
    /// It is still to be applied to its side.
    Apply,
}

/// How far it is told of a row that is met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    /// The match is not counted.
    Count,
    /// What the row was alone is not taken back.
    TakeBack,
    /// The pair is not made.
    Pair,
    /// What the row is alone is not put out.
    PutOut,
}

impl Join {
    /// A join in the zone with this root block; refused if its rows are too large to be kept.
    pub fn new(place: Place, options: JoinOptions, root: BlockId) -> Result<Join, SqlError> {
        let keeping = [options.keeping(0), options.keeping(1)];
        // No `..`: an option that nothing reads does not compile.
        let JoinOptions {
            kind,
            keys: [left_key, right_key],
            nulls_equal,
            condition,
            inputs,
            retracts: _,
            within,
            left_shape,
            both_shape,
            output_shape,
        } = options;
        assert_eq!(left_key.len(), right_key.len(), "keys are compared in pairs");
        for (&left_column, &right_column) in left_key.iter().zip(&right_key) {
            let types = (inputs[0][left_column], inputs[1][right_column]);
            assert_eq!(types.0, types.1, "equal keys are of one type");
        }
        assert!(condition.is_none() || kind != JoinKind::Inner, "pairs are filtered above");
        let anchor = |side| Anchor::new(root, (side * Side::HEADER_BYTES) as u16);
        let sides = [
            Side::new(&inputs[0], &left_key, keeping[0], anchor(0))?,
            Side::new(&inputs[1], &right_key, keeping[1], anchor(1))?,
        ];
        let condition =
            condition.map(|program| Condition::new(place, program, &inputs, left_shape));
        let ending = within.map(|within| Ending::new(within, root, &sides));
        Ok(Join {
            place,
            root,
            kind,
            nulls_equal,
            output_shape,
            sides,
            condition,
            ending,
            both_shape,
            output: Output::new(kind, inputs[0].len()),
            given: None,
            row_hashes: Vec::new(),
            key_hashes: Vec::new(),
            allowed: 0,
        })
    }

    /// Hands on what is too late, and leaves it without weight.
    fn refuse(&mut self, side: usize, morsel: &mut Morsel, context: &mut Context<'_>) {
        let Some(ending) = &self.ending else { return };
        let refused = ending.refused(side, morsel);
        if refused.is_empty() {
            return;
        }
        let left_columns = self.sides[0].types().count();
        let mut late = context.pool.take(self.both_shape);
        for (at, column) in late.columns.iter_mut().enumerate() {
            match at.checked_sub(side * left_columns).and_then(|at| morsel.columns.get(at)) {
                Some(source) => column.append(source, &refused),
                None => refused.iter().for_each(|_| column.push_null()),
            }
        }
        late.gather_marks(morsel, &refused);
        late.set_rows(refused.len());
        morsel.weights.resize(morsel.rows(), 1);
        refused.iter().for_each(|&row| morsel.weights[row as usize] = 0);
        let (operator, epoch) = (self.place.operator, context.epoch);
        context.effects.push(Effect::Late { operator, epoch, morsel: late });
    }

    /// Goes on with the morsel until it is worked off, `out` is full, or fuel or memory is gone.
    fn advance(&mut self, given: &mut Given, out: &mut Morsel, context: &mut Context<'_>) {
        self.allowed = 0;
        while given.row < given.morsel.rows() && *context.fuel > 0 {
            let goes_on = match given.at {
                At::Begin => {
                    self.begin(given, context);
                    true
                }
                At::Meet if self.condition.is_none() && given.flip.is_none() => {
                    self.pair_all(given, out, context)
                }
                At::Meet => self.meet(given, out, context),
                At::Tell => self.tell(given, out, context),
                At::Apply => self.apply(given, context),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Looks for what the delta matches.
    fn begin(&mut self, given: &mut Given, context: &mut Context<'_>) {
        let weight = given.morsel.weight(given.row);
        if weight == 0 {
            context.burn(1);
            given.pass();
            return;
        }
        (given.first, given.flip, given.matches) = (None, None, 0);
        (given.met, given.next) = (None, SlotId::NONE);
        given.at = At::Tell;
        if !self.may_match(given) {
            return;
        }
        let (side, arena) = (given.side, &*context.arena);
        let other = &self.sides[1 - side];
        let first = other.first(arena, self.key_hashes[given.row], self.key(given));
        let mut meets = self.kind.pairs();
        if self.condition.is_some() {
            meets = true;
        } else {
            given.matches = other.count(arena, first);
            if self.kind.watches(1 - side) {
                let own = &self.sides[side];
                let key_first = own.first(arena, self.key_hashes[given.row], self.key(given));
                let count = own.count(arena, key_first);
                let (was, is) = (count > 0, count + weight > 0);
                given.first = Some(key_first);
                given.flip = (was != is).then_some((was, is));
                meets |= given.flip.is_some();
            }
        }
        given.next = first;
        if meets && first.is_some() {
            given.at = At::Meet;
        }
    }

    fn key<'a>(&'a self, given: &'a Given) -> Row<'a> {
        Row { columns: &given.morsel.columns, picks: self.sides[given.side].key(), row: given.row }
    }

    /// Whether the delta can have a match.
    fn may_match(&self, given: &Given) -> bool {
        let is_null = |&column: &usize| given.morsel.columns[column].is_null(given.row);
        self.nulls_equal || !self.sides[given.side].key().iter().any(is_null)
    }

    /// Makes the pairs of the delta where nothing else is to be told; false where `out` is full.
    fn pair_all(&mut self, given: &mut Given, out: &mut Morsel, context: &mut Context<'_>) -> bool {
        while given.next.is_some() && *context.fuel > 0 {
            if self.output.is_full(given, out) {
                return false;
            }
            context.burn(1);
            self.pair(given, given.next, out, context);
            given.next = self.sides[1 - given.side].next(&*context.arena, given.next);
        }
        if !given.next.is_some() {
            given.at = At::Tell;
        }
        true
    }

    /// Goes on with the next row that the delta meets; false where `out` is full or memory is gone.
    fn meet(&mut self, given: &mut Given, out: &mut Morsel, context: &mut Context<'_>) -> bool {
        let Some((slot, part)) = given.met else {
            given.met = self.next_met(given, context).map(|slot| (slot, Part::Count));
            return true;
        };
        if self.output.is_full(given, out) {
            return false;
        }
        let side = 1 - given.side;
        let alone = |is: bool| self.kind.shows(side, is).then_some(is);
        let next = match part {
            Part::Count => {
                if !self.count(given, slot, context) {
                    return false;
                }
                Part::TakeBack
            }
            Part::TakeBack => {
                if let Some(was) = given.flip.and_then(|(was, _)| alone(was)) {
                    self.other_alone(given, (slot, was), -1, out, context);
                }
                Part::Pair
            }
            Part::Pair => {
                if self.kind.pairs() {
                    context.burn(1);
                    self.pair(given, slot, out, context);
                }
                Part::PutOut
            }
            Part::PutOut => {
                if let Some(is) = given.flip.and_then(|(_, is)| alone(is)) {
                    self.other_alone(given, (slot, is), 1, out, context);
                }
                given.met = None;
                return true;
            }
        };
        given.met = Some((slot, next));
        true
    }

    /// The next row that matches the delta. Nothing if there is none, or if it is to be asked again.
    fn next_met(&mut self, given: &mut Given, context: &mut Context<'_>) -> Option<SlotId> {
        let other = &self.sides[1 - given.side];
        if let Some(condition) = &mut self.condition {
            let met = condition.next();
            if met.is_some() {
                return met;
            }
            if given.next.is_some() {
                let mut from = given.next;
                condition.look(given, other, &mut from, context);
                given.next = from;
                return condition.next();
            }
        } else if given.next.is_some() {
            context.burn(1);
            let met = given.next;
            given.next = other.next(&*context.arena, met);
            return Some(met);
        }
        given.at = At::Tell;
        None
    }

    /// Counts a match of the delta where matches are counted row by row; false where memory is gone.
    fn count(&mut self, given: &mut Given, slot: SlotId, context: &mut Context<'_>) -> bool {
        if self.condition.is_none() {
            return true;
        }
        let other = &mut self.sides[1 - given.side];
        let weight = given.morsel.weight(given.row);
        if self.kind.watches(1 - given.side) {
            self.allowed = 0;
            if context.allow(1, |_| 0) == 0 {
                return false;
            }
            context.burn(1);
            let before = other.count(&*context.arena, slot);
            let matches = before + weight;
            other.set_matches(context.arena, slot, matches);
            let (was, is) = (before > 0, matches > 0);
            given.flip = (was != is).then_some((was, is));
        }
        given.matches += other.marks(&*context.arena, slot).0;
        true
    }

    /// Puts the delta out alone if it is to be; false where `out` is full.
    fn tell(&mut self, given: &mut Given, out: &mut Morsel, context: &mut Context<'_>) -> bool {
        let (matched, kept) = (given.matches > 0, self.may_match(given));
        let shown = self.kind.shows(given.side, matched);
        if shown && self.output.is_full(given, out) {
            return false;
        }
        if shown || !kept {
            context.burn(1);
        }
        if shown {
            self.output.alone(given, matched, given.morsel.weight(given.row), out);
        }
        if kept {
            given.at = At::Apply;
        } else {
            given.pass();
        }
        true
    }

    /// Applies the delta to its side; false where memory is gone.
    fn apply(&mut self, given: &mut Given, context: &mut Context<'_>) -> bool {
        if self.allowed == 0 {
            self.allowed = self.allow(given, context);
        }
        if self.allowed == 0 {
            return false;
        }
        self.allowed -= 1;
        context.burn(1);
        let &mut Given { side, ref morsel, row, first, matches, .. } = given;
        let tie = self.tie(given);
        let delta = Delta {
            columns: &morsel.columns,
            row,
            row_hash: kept_hash(self.row_hashes[row], tie),
            key_hash: self.key_hashes[row],
            weight: morsel.weight(row),
            tie,
            matches,
        };
        self.sides[side].apply(context.arena, &delta, first);
        given.pass();
        true
    }

    /// The tie that the delta is kept with.
    fn tie(&self, given: &Given) -> u64 {
        // Where no pairs are made, nobody asks where a row of the right side came from.
        let asked = given.side == 0 || self.kind.pairs();
        if asked { given.morsel.tie(given.row).0 as u64 } else { 0 }
    }

    /// How many rows may be applied before this is asked again.
    fn allow(&self, given: &Given, context: &mut Context<'_>) -> usize {
        let side = &self.sides[given.side];
        let left = given.morsel.rows() - given.row;
        context.allow(left.min(side.layout().rows_per_look()), |rows| {
            given.morsel.text_bytes(given.row..given.row + rows) + side.slack_bytes()
        })
    }

    fn pair(&mut self, given: &Given, slot: SlotId, out: &mut Morsel, context: &mut Context<'_>) {
        let other = &self.sides[1 - given.side];
        let (weight, _) = other.marks(&*context.arena, slot);
        let weight = weight.checked_mul(given.morsel.weight(given.row));
        let bounded = weight.filter(|weight| weight.unsigned_abs() <= WEIGHT_MAX as u64);
        if bounded.is_none() {
            *context.stop = Some(Stop::Weight(self.place.operator));
        }
        self.output.pair(given, (other, &*context.arena, slot), bounded.unwrap_or(0), out);
    }

    fn other_alone(
        &mut self,
        given: &Given,
        (slot, matched): (SlotId, bool),
        sign: i64,
        out: &mut Morsel,
        context: &mut Context<'_>,
    ) {
        let other = &self.sides[1 - given.side];
        let (weight, _) = other.marks(&*context.arena, slot);
        context.burn(1);
        let row = (other, &*context.arena, slot);
        self.output.other_alone(given, row, (matched, sign * weight), out);
    }
}

/// The hash by which a row is found that is kept with a tie.
fn kept_hash(row_hash: u64, tie: u64) -> u64 {
    row_hash ^ tie.wrapping_mul(TIE_SPREAD)
}

impl Given {
    fn new(side: usize, morsel: Morsel) -> Given {
        let (first, next, met, flip) = (None, SlotId::NONE, None, None);
        Given { side, morsel, row: 0, at: At::Begin, first, next, met, flip, matches: 0 }
    }

    /// Goes on to the next delta.
    fn pass(&mut self) {
        self.row += 1;
        self.at = At::Begin;
    }
}

impl Operator for Join {
    fn create(&mut self, arena: &mut Arena) {
        let zone = self.place.zone;
        assert_eq!(arena.root(zone), self.root, "a join lies in its own zone");
        self.sides.iter().for_each(|side| side.create(arena, arena.root_extent(zone)));
        self.ending.iter().for_each(|ending| ending.create(arena));
    }

    fn accept(&mut self, port: Port, item: Item, context: &mut Context<'_>) {
        assert!(self.given.is_none(), "a join is given an item while it has one");
        let side = usize::from(port.0);
        assert!(side < 2, "a join has two inputs");
        let mut morsel = match (item, &mut self.ending) {
            (Item::Rows(morsel), _) => morsel,
            (Item::Watermark(time), Some(ending)) => return ending.begin(side, time),
            // It ends here: rows of any age may be put out.
            (Item::Watermark(_), None) => return,
        };
        self.refuse(side, &mut morsel, context);
        let rows = morsel.rows();
        hash_rows(morsel.columns.iter(), rows, &mut self.row_hashes);
        let key = self.sides[side].key().iter().map(|&column| &morsel.columns[column]);
        hash_rows(key, rows, &mut self.key_hashes);
        self.given = Some(Given::new(side, morsel));
    }

    fn barrier(&mut self, _barrier: Barrier) {
        assert!(self.given.is_none(), "a barrier must not overtake rows");
    }

    fn work(&mut self, context: &mut Context<'_>) -> Work {
        if let Some(ending) = self.ending.as_mut().filter(|ending| ending.is_due()) {
            return match ending.work(&mut self.sides, context) {
                Ended::Stuck => Work::Yield,
                Ended::Done(Some(time)) => Work::Emit(Port(0), Item::Watermark(time)),
                Ended::Done(None) => Work::Idle,
            };
        }
        let Some(mut given) = self.given.take() else { return Work::Idle };
        let mut out = context.pool.take(self.output_shape);
        self.advance(&mut given, &mut out, context);
        self.output.complete(&given, &mut out);
        let done = given.row == given.morsel.rows();
        if done {
            context.pool.put(given.morsel);
        } else {
            self.given = Some(given);
        }
        if !out.is_empty() {
            return Work::Emit(Port(0), Item::Rows(out));
        }
        context.pool.put(out);
        if done { Work::Idle } else { Work::Yield }
    }
}

#[cfg(test)]
mod tests;
