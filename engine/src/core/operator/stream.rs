//! Publishes changes at once and keeps nothing.
//!
//! Where two paths from one source rejoin beneath, subscribers are owed the net of each epoch: there
//! a [`super::View`] that keeps no result takes this operator's place.

use super::{Context, Item, Operator, Port, Work};
use crate::core::arena::Arena;
use crate::core::effect::Effect;
use crate::core::frame::Barrier;
use crate::core::ids::ViewId;

/// What a stream publishes.
#[derive(Clone, Copy, Debug)]
pub struct StreamOptions {
    /// The id it publishes under.
    pub view: ViewId,
}

/// The operator that publishes a stream.
pub struct Stream {
    options: StreamOptions,
}

impl Stream {
    /// A stream without state.
    pub fn new(options: StreamOptions) -> Stream {
        Stream { options }
    }
}

impl Operator for Stream {
    fn create(&mut self, _arena: &mut Arena) {}

    fn accept(&mut self, port: Port, item: Item, context: &mut Context<'_>) {
        assert_eq!(port, Port(0), "a stream has one input");
        let Item::Rows(morsel) = item else { return };
        assert!(!morsel.is_empty(), "no operator emits a morsel without rows");
        // A subscriber costs no fuel: the rows are handed over as they are.
        let StreamOptions { view } = self.options;
        context.effects.push(Effect::Publish { view, epoch: context.epoch, morsel });
    }

    fn barrier(&mut self, _barrier: Barrier) {}

    fn work(&mut self, _context: &mut Context<'_>) -> Work {
        Work::Idle
    }

    fn rests(&self) -> bool {
        true
    }
}
