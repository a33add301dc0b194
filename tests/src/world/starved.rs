//! Queries that are given up because a shard has no memory left. Nothing is compared of them from then
//! on; all others go on as if nothing had been.

use std::collections::BTreeSet;

use sluicedb::core::effect::{CoordinatorInput, Stopped};
use sluicedb::core::ids::ViewId;

use super::World;
use crate::options::STATE_BLOCKS;

impl World {
    /// Whether shards have less memory than every load can do with.
    pub(super) fn is_starved(&self) -> bool {
        self.options.state_blocks < STATE_BLOCKS
    }

    /// A shard has given up a query: it has its memory back at once.
    pub(super) fn check_given_up(&self, shard: usize, stopped: &Stopped) {
        let census = self.life.seats[shard].shard.census();
        for figures in &census.operators {
            let gone = stopped.operators.contains(&figures.operator);
            assert!(!gone || figures.state_bytes == 0, "{} keeps something", figures.operator);
        }
        let bytes = stopped.state_bytes.unwrap_or(0);
        assert!(bytes <= stopped.state_bytes_max, "{stopped:?} kept more than there is");
    }

    /// Everybody hears of it. What sinks were given stays with them, and nothing comes any more.
    pub(super) fn given_up(&mut self, stopped: &Stopped) {
        let Stopped { relation, views, .. } = stopped;
        self.trace.add(self.turn, &"coordinator", format_args!("stopped {relation} {views:?}"));
        self.saw(if stopped.state_bytes.is_some() { "query given up" } else { "stays given up" });
        self.life.gave_up = Some(self.life.open);
        for view in views {
            let mut fed = self.sinks.values_mut().filter(|sink| sink.follows(*view));
            if let Some(sink) = fed.find_map(|sink| sink.fail().then(|| sink.id())) {
                self.coordinate(CoordinatorInput::Failed { sink });
            }
        }
    }

    /// The names of views and streams that some shard has given up.
    pub(super) fn names_given_up(&self) -> BTreeSet<String> {
        let views = self.graph.views.places();
        let given_up = views.filter(|(at, _)| {
            let mut seats = self.life.seats.iter();
            seats.any(|seat| seat.shard.stopped(ViewId(*at as u16)).is_some())
        });
        given_up.map(|(_, view)| view.name.clone()).collect()
    }

    /// All shards have given up the same.
    pub(super) fn check_all_gave_up(&self) {
        let views = |seat: usize| -> Vec<ViewId> {
            let census = self.life.seats[seat].shard.census();
            census.stopped.iter().map(|(view, _)| *view).collect()
        };
        let first = views(0);
        for seat in 1..self.life.seats.len() {
            assert_eq!(views(seat), first, "shards have given up different queries");
        }
    }
}
