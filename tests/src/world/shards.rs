//! The database is opened with another number of shards.
//!
//! That needs a checkpoint behind which no statement is. So feeders rest for a while, until there is one;
//! then power is lost, and it is opened anew. Power may be lost at any moment before and after that, too:
//! until the first checkpoint of the new shards is sealed, either number may be asked for.

use sluicedb::core::recovery::{Opened, RecoverError, shards};

use super::World;
use crate::prng::Prng;

/// One turn in so many begins a rest.
const BEGINS: usize = 300;
/// The turns that a rest takes at most.
const REST_TURNS_MAX: u64 = 4_000;
/// How many shards there may be.
const SHARDS: &[u16] = &[1, 1, 2, 2, 3, 3, 4, 6];

/// How the number of shards changes.
#[derive(Clone)]
pub(super) struct Reshaping {
    prng: Prng,
    /// How often it may still change.
    left: usize,
    /// The turn up to which feeders rest.
    until: Option<u64>,
    /// What is asked for when the database is opened next.
    asked: Option<u16>,
    /// Whether the database was opened with another number than wrote what it found.
    moved: bool,
}

impl Reshaping {
    pub(super) fn new(prng: Prng, left: usize) -> Reshaping {
        Reshaping { prng, left, until: None, asked: None, moved: false }
    }

    /// Whether nothing is pushed and nothing comes or goes.
    pub(super) fn rests(&self) -> bool {
        self.until.is_some()
    }
}

impl World {
    /// Begins and ends a rest. Tells whether power is to be lost at the end of one.
    pub(super) fn rest(&mut self) -> bool {
        if !self.is_rough() {
            self.reshaping.until = None;
            return false;
        }
        match self.reshaping.until {
            None if self.reshaping.left > 0 && self.reshaping.prng.below(BEGINS) == 0 => {
                self.reshaping.until = Some(self.turn + REST_TURNS_MAX);
                self.note("feeders", "rest");
                false
            }
            Some(until) if self.turn > until => {
                self.reshaping.until = None;
                false
            }
            Some(_) if self.is_sealed_whole() => {
                self.reshaping.left -= 1;
                self.reshaping.until = None;
                self.reshaping.asked = Some(*self.reshaping.prng.pick(SHARDS));
                true
            }
            _ => false,
        }
    }

    /// Whether no checkpoint is sealed yet of the shards that there are: no graph comes before.
    pub(super) fn is_moving(&self) -> bool {
        self.reshaping.moved && self.sealed.is_none_or(|sealed| sealed < self.life.first)
    }

    /// Whether the newest checkpoint has all that was pushed.
    fn is_sealed_whole(&self) -> bool {
        let Some(sealed) = self.sealed else { return false };
        let frames = self.life.mouths.iter().flat_map(|mouth| &mouth.lanes);
        self.life.poison.is_none()
            && sealed >= self.life.first
            && self.life.feeders_rest()
            && frames.into_iter().all(crate::lane::Lane::is_empty)
            && self.producers.iter().all(|producer| producer.last_epoch() <= sealed)
    }

    /// Opens the database, with the number of shards that it has or is to have.
    pub(super) fn recover_some(&mut self) -> Result<Opened, RecoverError> {
        let before = self.options.shards;
        let written = shards(&self.disk)?.map(|shards| shards as u16);
        let other = written.filter(|written| *written != before);
        let back = other.filter(|_| self.reshaping.prng.chance(30));
        if let Some(asked) = self.reshaping.asked.take().or(back) {
            self.options.shards = asked;
        }
        let opened = match (self.recover(), written) {
            (Err(RecoverError::Immovable { .. }), Some(written)) => {
                self.saw("view that cannot be moved");
                self.options.shards = written;
                self.recover()
            }
            (Err(RecoverError::Memory { .. }), Some(written))
                if self.options.shards < written || self.is_starved() =>
            {
                self.options.shards = written;
                self.recover()
            }
            (opened, _) => opened,
        };
        self.reshaping.moved = written.is_some_and(|written| written != self.options.shards);
        if self.reshaping.moved && opened.is_ok() {
            self.saw("opened with another number of shards");
        }
        opened
    }
}
