//! The rows behind results go to the shards that own their partitions now.

use super::Over;
use crate::core::arena::bytes::put_i64;
use crate::core::operator::ordered::{Ordered, rehome};
use crate::core::operator::rehome::{Home, NoRoom};

impl Over {
    /// Moves the rows, each of which lies where the hash of these columns says.
    pub fn rehome(
        before: &mut [Home<'_, Over>],
        now: &mut [Home<'_, Over>],
        placed: &[usize],
    ) -> Result<(), NoRoom> {
        let counts = before.iter().map(|home| home.operator.withheld_count(home.arena));
        let withheld: i64 = counts.sum();
        rehome(before, now, placed)?;
        let Home { operator, arena } = &mut now[0];
        put_i64(arena.block_mut(operator.root), Ordered::HEADER_BYTES, withheld);
        Ok(())
    }
}
