//! The rows of a top-N go to the shards that own their partitions now.

use super::{Changes, Top};
use crate::core::arena::{Arena, SlotId};
use crate::core::operator::ordered::{Keeper, Ordered, rehome};
use crate::core::operator::rehome::{Home, NoRoom};

impl Top {
    /// Moves the rows, each of which lies where the hash of these columns says.
    pub fn rehome(
        before: &mut [Home<'_, Top>],
        now: &mut [Home<'_, Top>],
        placed: &[usize],
    ) -> Result<(), NoRoom> {
        rehome(before, now, placed)
    }
}

impl Keeper for Top {
    fn ordered(&mut self) -> &mut Ordered {
        &mut self.ordered
    }

    /// Marks the last rows of all windows.
    fn moved(&mut self, arena: &mut Arena) {
        let mut from = SlotId(0);
        while let Some(partition) = self.ordered.next_partition(arena, from) {
            from = SlotId(partition.0 + 1);
            let (ordered, options) = (&self.ordered, &self.options);
            let mark = Changes::default().after(ordered, options, arena, partition, None);
            ordered.set_mark(arena, partition, mark);
        }
    }
}
