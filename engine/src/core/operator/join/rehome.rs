//! The rows of both sides of a join go to the shards that own their keys now.

use sluicedb_sql::Column;

use super::side::Delta;
use super::{Join, kept_hash};
use crate::core::arena::SlotId;
use crate::core::hash::hash_rows;
use crate::core::operator::rehome::{Home, NoRoom, make_room, shard_of};

impl Join {
    /// Moves the rows of both sides, which lie where the hashes of their keys say.
    pub fn rehome(before: &mut [Home<'_, Join>], now: &mut [Home<'_, Join>]) -> Result<(), NoRoom> {
        let shards = now.len();
        for Home { operator, arena } in before.iter_mut() {
            for (at, side) in operator.sides.iter().enumerate() {
                let mut columns: Vec<Column> = side.types().map(Column::new).collect();
                let mut hashes = Vec::new();
                let mut from = SlotId(0);
                while let Some(slot) = side.next_row(&**arena, from) {
                    from = SlotId(slot.0 + 1);
                    columns.iter_mut().for_each(Column::clear);
                    side.read(&**arena, slot, &mut columns);
                    hash_rows(columns.iter(), 1, &mut hashes);
                    let ((weight, tie), key_hash) =
                        (side.marks(&**arena, slot), side.key_hash(&**arena, slot));
                    let row_hash = kept_hash(hashes[0], tie);
                    let shard = shard_of(key_hash, shards);
                    let text: usize = columns.iter().map(Column::text_bytes).sum();
                    make_room(now, shard, 1, text + side.slack_bytes())?;
                    let columns = &columns[..];
                    let matches = side.count(&**arena, slot);
                    let delta = Delta { columns, row: 0, row_hash, key_hash, weight, tie, matches };
                    let Home { operator, arena } = &mut now[shard];
                    operator.sides[at].apply(arena, &delta, None);
                }
            }
        }
        let watermarks = [0, 1].map(|side| {
            let known = |home: &Home<'_, Join>| {
                Some(home.operator.ending.as_ref()?.watermark(&*home.arena, side))
            };
            before.iter().filter_map(known).max()
        });
        for Home { operator, arena } in now {
            let Some(ending) = &operator.ending else { continue };
            for (side, time) in watermarks.iter().enumerate() {
                time.iter().for_each(|time| ending.set_watermark(arena, side, *time));
            }
        }
        Ok(())
    }
}
