//! The rows of a top-N go to the shards that own their partitions now.

use sluicedb_sql::Column;

use super::{Changes, Top};
use crate::core::arena::SlotId;
use crate::core::hash::hash_rows;
use crate::core::operator::ordered::Delta;
use crate::core::operator::rehome::{Home, NoRoom, make_room, shard_of};

impl Top {
    /// Moves the rows, each of which lies where the hash of these columns says.
    pub fn rehome(
        before: &mut [Home<'_, Top>],
        now: &mut [Home<'_, Top>],
        placed: &[usize],
    ) -> Result<(), NoRoom> {
        let shards = now.len();
        let (mut hashes, mut partitions) = (Vec::new(), Vec::new());
        for Home { operator, arena } in before {
            let ordered = &operator.ordered;
            let mut columns: Vec<Column> =
                ordered.types().iter().map(|&data_type| Column::new(data_type)).collect();
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
                let partition = into.ordered.partition(there, partitions[0], (columns, 0));
                into.ordered.put(there, partition, &Delta { columns, row: 0, weight, tie });
            }
        }
        now.iter_mut().for_each(|Home { operator, arena }| operator.mark_all(arena));
        Ok(())
    }

    /// Marks the last rows of all windows; nothing is owed of them.
    fn mark_all(&mut self, arena: &mut crate::core::arena::Arena) {
        let mut from = SlotId(0);
        while let Some(partition) = self.ordered.next_partition(arena, from) {
            from = SlotId(partition.0 + 1);
            let (ordered, options) = (&self.ordered, &self.options);
            let mark = Changes::default().after(ordered, options, arena, partition, None);
            ordered.set_mark(arena, partition, mark);
        }
    }
}
