//! Stands where an operator was that has been given up: takes what it is given, and puts out nothing.

use super::{Context, Item, Operator, Port, Work};
use crate::core::arena::Arena;
use crate::core::frame::Barrier;

/// The operator that keeps nothing, and has no zone.
pub struct Discard;

impl Operator for Discard {
    fn create(&mut self, _arena: &mut Arena) {}

    fn accept(&mut self, _port: Port, item: Item, context: &mut Context<'_>) {
        if let Item::Rows(morsel) = item {
            context.pool.put(morsel);
        }
    }

    fn barrier(&mut self, _barrier: Barrier) {}

    fn work(&mut self, _context: &mut Context<'_>) -> Work {
        Work::Idle
    }

    fn rests(&self) -> bool {
        true
    }
}
