//! Rows that are kept in order go to the shards that own their partitions now.

use sluicedb_sql::Column;

use super::{Delta, Ordered};
use crate::core::arena::{Arena, SlotId};
use crate::core::hash::hash_rows;
use crate::core::operator::rehome::{Home, NoRoom, make_room, shard_of};

/// An operator whose state is rows in order.
pub(in crate::core::operator) trait Keeper {
    /// Those rows.
    fn ordered(&mut self) -> &mut Ordered;

    /// All rows of the shard have come. Nothing is owed of them.
    fn moved(&mut self, arena: &mut Arena);
}

/// Moves the rows, each of which lies where the hash of these columns says.
pub(in crate::core::operator) fn rehome<O: Keeper>(
    before: &mut [Home<'_, O>],
    now: &mut [Home<'_, O>],
    placed: &[usize],
) -> Result<(), NoRoom> {
    let shards = now.len();
    let (mut hashes, mut partitions) = (Vec::new(), Vec::new());
    for Home { operator, arena } in before {
        let ordered = operator.ordered();
        let types = ordered.types().iter();
        let mut columns: Vec<Column> = types.map(|&data_type| Column::new(data_type)).collect();
        let mut from = SlotId(0);
        while let Some(slot) = ordered.next_row(&**arena, from) {
            from = SlotId(slot.0 + 1);
            columns.iter_mut().for_each(Column::clear);
            ordered.read(&**arena, slot, &mut columns);
            hash_rows(placed.iter().map(|&column| &columns[column]), 1, &mut hashes);
            ordered.hash(&columns, 1, &mut partitions);
            let shard = shard_of(hashes[0], shards);
            let text: usize = columns.iter().map(Column::text_bytes).sum();
            make_room(now, shard, 1, 2 * text + ordered.slack_bytes())?;
            let (weight, tie) = (ordered.weight(&**arena, slot), ordered.tie(&**arena, slot));
            let columns = &columns[..];
            let Home { operator: into, arena: there } = &mut now[shard];
            let into = into.ordered();
            let partition = into.partition(there, partitions[0], (columns, 0));
            into.put(there, partition, &Delta { columns, row: 0, weight, tie });
        }
    }
    now.iter_mut().for_each(|Home { operator, arena }| operator.moved(arena));
    Ok(())
}
