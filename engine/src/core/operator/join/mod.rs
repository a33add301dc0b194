//! Inner join on equal keys; both inputs may retract.
//!
//! Each delta meets the rows that the other side holds at that moment, then joins its own side. So
//! every pair is made once, by whichever of the two comes later.
//!
//! Invariants:
//! - A row with a NULL in its key is neither matched nor kept.
//! - The weight of a pair is the product of the weights of its rows.
//! - A delta is applied to its own side only when all its matches are made.

mod rehome;
mod side;

use sluicedb_sql::{Column, DataType, SqlError};

use super::{Context, Item, Operator, Place, Port, Stop, Work};
use crate::core::arena::{Anchor, Arena, BlockId, SlotId};
use crate::core::frame::Barrier;
use crate::core::hash::hash_rows;
use crate::core::limits::{BATCH_TEXT_BYTES_MAX, MORSEL_ROWS_MAX, WEIGHT_MAX};
use crate::core::morsel::{Morsel, ShapeId, Tie};
use crate::core::row::Row;
use side::{Delta, Side};

/// What a join compares and makes.
#[derive(Clone, Debug)]
pub struct JoinOptions {
    /// The columns of either input that must be equal, in pairs of one type.
    pub keys: [Vec<usize>; 2],
    /// The columns of either input.
    pub inputs: [Vec<DataType>; 2],
    /// The columns of the left input, then those of the right.
    pub output_shape: ShapeId,
}

/// Spreads ties over the hashes of otherwise equal rows.
const TIE_SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The operator that joins its inputs.
pub struct Join {
    place: Place,
    root: BlockId,
    output_shape: ShapeId,
    left_columns: usize,
    sides: [Side; 2],
    given: Option<Given>,
    row_hashes: Vec<u64>,
    key_hashes: Vec<u64>,
    /// For each pair of the output that is being made, the row of the input.
    picked: Vec<u32>,
}

/// A morsel and how far it is worked off.
struct Given {
    side: usize,
    morsel: Morsel,
    row: usize,
    /// The next match of `row`, `SlotId::NONE` behind the last; nothing if none was looked for.
    next: Option<SlotId>,
}

impl Join {
    /// A join in the zone with this root block; refused if its rows are too large to be kept.
    pub fn new(place: Place, options: JoinOptions, root: BlockId) -> Result<Join, SqlError> {
        let JoinOptions { keys: [left_key, right_key], inputs: [left, right], output_shape } =
            options;
        assert_eq!(left_key.len(), right_key.len(), "keys are compared in pairs");
        for (&left_column, &right_column) in left_key.iter().zip(&right_key) {
            assert_eq!(left[left_column], right[right_column], "equal keys are of one type");
        }
        let anchor = |side| Anchor::new(root, (side * Side::HEADER_BYTES) as u16);
        let sides =
            [Side::new(&left, &left_key, anchor(0))?, Side::new(&right, &right_key, anchor(1))?];
        Ok(Join {
            place,
            root,
            output_shape,
            left_columns: left.len(),
            sides,
            given: None,
            row_hashes: Vec::new(),
            key_hashes: Vec::new(),
            picked: Vec::new(),
        })
    }

    /// Goes on with the morsel until it is worked off, `out` is full, or fuel or memory is gone.
    fn advance(&mut self, given: &mut Given, out: &mut Morsel, context: &mut Context<'_>) {
        let mut rows_allowed = 0;
        while given.row < given.morsel.rows() && *context.fuel > 0 {
            match given.next {
                None if self.passes_by(given) => {
                    context.burn(1);
                    given.row += 1;
                }
                None => given.next = Some(self.first_match(given, context.arena)),
                Some(slot) if slot.is_some() => {
                    if self.is_full(given, out) {
                        return;
                    }
                    context.burn(1);
                    self.pair(given, slot, out, context);
                    given.next = Some(self.sides[1 - given.side].next(context.arena, slot));
                }
                Some(_) => {
                    if rows_allowed == 0 {
                        rows_allowed = self.allow(given, context);
                    }
                    if rows_allowed == 0 {
                        return;
                    }
                    rows_allowed -= 1;
                    context.burn(1);
                    self.apply(given, context.arena);
                    (given.row, given.next) = (given.row + 1, None);
                }
            }
        }
    }

    /// Whether the output takes no more pairs: rows are few bytes, but their texts may be many.
    fn is_full(&self, given: &Given, out: &Morsel) -> bool {
        let others: usize = out.columns.iter().map(Column::text_bytes).sum();
        let own = given.morsel.text_bytes(given.row..given.row + 1) * self.picked.len();
        self.picked.len() == MORSEL_ROWS_MAX || others + own > BATCH_TEXT_BYTES_MAX
    }

    /// How many rows may be applied before this is asked again.
    fn allow(&self, given: &Given, context: &mut Context<'_>) -> usize {
        let layout = self.sides[given.side].layout();
        let left = given.morsel.rows() - given.row;
        context.allow(left.min(layout.rows_per_look()), |rows| {
            given.morsel.text_bytes(given.row..given.row + rows) + layout.slack_bytes()
        })
    }

    /// Whether the delta can have no match and no effect.
    fn passes_by(&self, given: &Given) -> bool {
        let Given { side, morsel, row, .. } = given;
        let key = self.sides[*side].key();
        morsel.weight(*row) == 0 || key.iter().any(|&column| morsel.columns[column].is_null(*row))
    }

    fn first_match(&self, given: &Given, arena: &Arena) -> SlotId {
        let &Given { side, ref morsel, row, .. } = given;
        let key = Row { columns: &morsel.columns, picks: self.sides[side].key(), row };
        self.sides[1 - side].first(arena, self.key_hashes[row], key)
    }

    /// Makes the pair of the delta and a row of the other side. The columns of the delta are
    /// gathered when the output is complete.
    fn pair(&mut self, given: &Given, slot: SlotId, out: &mut Morsel, context: &mut Context<'_>) {
        let &Given { side, ref morsel, row, .. } = given;
        let other = &self.sides[1 - side];
        let arena: &Arena = context.arena;
        let (weight, tie) = other.marks(arena, slot);
        let weight = weight.checked_mul(morsel.weight(row));
        let bounded = weight.filter(|weight| weight.unsigned_abs() <= WEIGHT_MAX as u64);
        if bounded.is_none() {
            *context.stop = Some(Stop::Weight(self.place.operator));
        }
        out.weights.push(bounded.unwrap_or(0));
        let ties = [morsel.tie(row).0 as u64, tie];
        let [left, right] = [ties[side], ties[1 - side]];
        out.ties.push(self.picked.len(), Tie(u128::from(left) << 64 | u128::from(right)));
        let (_, others) = self.split(side, &mut out.columns);
        other.read(arena, slot, others);
        self.picked.push(row as u32);
    }

    /// The output columns of a side, then those of the other.
    fn split<'a>(
        &self,
        side: usize,
        columns: &'a mut [Column],
    ) -> (&'a mut [Column], &'a mut [Column]) {
        let (left, right) = columns.split_at_mut(self.left_columns);
        if side == 0 { (left, right) } else { (right, left) }
    }

    fn apply(&mut self, given: &Given, arena: &mut Arena) {
        let &Given { side, ref morsel, row, .. } = given;
        let tie = morsel.tie(row).0 as u64;
        let delta = Delta {
            columns: &morsel.columns,
            row,
            row_hash: self.row_hashes[row] ^ tie.wrapping_mul(TIE_SPREAD),
            key_hash: self.key_hashes[row],
            weight: morsel.weight(row),
            tie,
        };
        self.sides[side].apply(arena, &delta);
    }

    /// Completes the output with what is the same for runs of pairs.
    fn complete(&mut self, given: &Given, out: &mut Morsel) {
        let (own, _) = self.split(given.side, &mut out.columns);
        for (column, source) in own.iter_mut().zip(&given.morsel.columns) {
            column.append(source, &self.picked);
        }
        if out.weights.iter().all(|&weight| weight == 1) {
            out.weights.clear();
        }
        if (0..self.picked.len()).all(|row| out.ties.get(row) == Tie::default()) {
            out.ties.clear();
        }
        out.set_rows(self.picked.len());
        self.picked.clear();
    }
}

impl Operator for Join {
    fn create(&mut self, arena: &mut Arena) {
        let zone = self.place.zone;
        assert_eq!(arena.root(zone), self.root, "a join lies in its own zone");
        self.sides.iter().for_each(|side| side.create(arena, arena.root_extent(zone)));
    }

    fn accept(&mut self, port: Port, item: Item, _context: &mut Context<'_>) {
        assert!(self.given.is_none(), "a join is given an item while it has one");
        let side = usize::from(port.0);
        assert!(side < 2, "a join has two inputs");
        // A watermark ends here: which rows of the output it covers would depend on the other side.
        let Item::Rows(morsel) = item else { return };
        let rows = morsel.rows();
        hash_rows(morsel.columns.iter(), rows, &mut self.row_hashes);
        let key = self.sides[side].key().iter().map(|&column| &morsel.columns[column]);
        hash_rows(key, rows, &mut self.key_hashes);
        self.given = Some(Given { side, morsel, row: 0, next: None });
    }

    fn barrier(&mut self, _barrier: Barrier) {
        assert!(self.given.is_none(), "a barrier must not overtake rows");
    }

    fn work(&mut self, context: &mut Context<'_>) -> Work {
        let Some(mut given) = self.given.take() else { return Work::Idle };
        let mut out = context.pool.take(self.output_shape);
        self.advance(&mut given, &mut out, context);
        self.complete(&given, &mut out);
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
