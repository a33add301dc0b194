//! The rows of a view go to the shards that own them now.

use sluicedb_sql::{Column, DataType};

use super::View;
use super::contents::{Deltas, Tally};
use crate::core::arena::SlotId;
use crate::core::operator::rehome::{Dealt, Home, NoRoom, ROWS, make_room};

/// Rows of a view, with their weights.
struct Rows {
    columns: Vec<Column>,
    weights: Vec<i64>,
}

impl Rows {
    fn new(types: &[DataType]) -> Rows {
        let columns = types.iter().map(|&data_type| Column::new(data_type)).collect();
        Rows { columns, weights: Vec::new() }
    }

    fn clear(&mut self) {
        self.columns.iter_mut().for_each(Column::clear);
        self.weights.clear();
    }

    fn pick(&mut self, from: &Rows, picks: &[u32]) {
        self.clear();
        for (column, source) in self.columns.iter_mut().zip(&from.columns) {
            column.append(source, picks);
        }
        self.weights.extend(picks.iter().map(|&row| from.weights[row as usize]));
    }
}

impl View {
    /// Moves the rows of a view, each of which lies where the hash of these columns says. Behind a
    /// barrier, at which nothing is owed to those who hear of its changes.
    pub fn rehome(
        before: &mut [Home<'_, View>],
        now: &mut [Home<'_, View>],
        placed: &[usize],
    ) -> Result<(), NoRoom> {
        let mut dealt = Dealt::new(now.len());
        for Home { operator, arena } in before {
            let types = &operator.options.types;
            let (mut rows, mut part, mut slots) = (Rows::new(types), Rows::new(types), Vec::new());
            let contents = &operator.contents;
            let most = ROWS.min(contents.layout().rows_per_look());
            let mut from = Some(SlotId(0));
            while let Some(at) = from {
                rows.clear();
                slots.clear();
                from = contents.walk(&**arena, at, most, |slot| slots.push(slot));
                for &slot in &slots {
                    contents.read(&**arena, slot, &mut rows.columns);
                    rows.weights.push(contents.weight(&**arena, slot));
                }
                dealt.deal(&rows.columns, placed, slots.len());
                for (shard, picks) in dealt.parts() {
                    part.pick(&rows, picks);
                    let text: usize = part.columns.iter().map(Column::text_bytes).sum();
                    let slack = contents.layout().slack_bytes();
                    make_room(now, shard, picks.len(), text + slack)?;
                    now[shard].operator.take_in(&part, &mut *now[shard].arena);
                }
            }
        }
        Ok(())
    }

    /// Holds rows that others have been told of.
    fn take_in(&mut self, rows: &Rows, arena: &mut crate::core::arena::Arena) {
        let Rows { columns, weights } = rows;
        self.hash(columns, weights.len());
        let deltas =
            Deltas { columns, key_hashes: &self.key_hashes, row_hashes: &self.row_hashes, weights };
        let mut tally = Tally::default();
        self.contents.apply(arena, &deltas, 0..weights.len(), &mut tally);
        self.contents.count(arena, &tally);
        if self.options.consolidated {
            let mut told = Rows::new(&self.options.types);
            self.contents.settle(arena, weights.len(), &mut told.columns, &mut told.weights);
        }
    }
}
