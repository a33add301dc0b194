//! Which views and streams were given up, for whoever holds a handle of one.
//!
//! A view is known here from before it comes until all shards are without it, so that one that is given
//! up is found, and whoever comes to one that was is told.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, Weak};

use super::life::{Ending, Life};
use super::sync::{Mutex, MutexGuard};
use crate::core::effect::Stopped;
use crate::core::ids::ViewId;

/// The lives of views and streams, as far as they can end before they are dropped.
#[derive(Default)]
pub(crate) struct Stops(Mutex<BTreeMap<ViewId, Known>>);

#[derive(Default)]
struct Known {
    life: Weak<Life>,
    stopped: Option<Arc<Stopped>>,
}

impl Stops {
    /// A view or stream has this life, from here on.
    pub(crate) fn watch(&self, view: ViewId, life: &Arc<Life>) {
        let mut all = self.lock();
        let known = all.entry(view).or_default();
        known.life = Arc::downgrade(life);
        if let Some(stopped) = &known.stopped {
            life.end(Ending::Stopped(Arc::clone(stopped)));
        }
    }

    /// These were given up: ends their lives.
    pub(crate) fn stop(&self, stopped: &Arc<Stopped>) {
        let mut all = self.lock();
        for view in &stopped.views {
            let known = all.entry(*view).or_default();
            let why = known.stopped.get_or_insert_with(|| Arc::clone(stopped));
            if let Some(life) = known.life.upgrade() {
                life.end(Ending::Stopped(Arc::clone(why)));
            }
        }
    }

    /// No shard has these any more: their numbers are free.
    pub(crate) fn forget(&self, gone: &[ViewId]) {
        let mut all = self.lock();
        for view in gone {
            all.remove(view);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ViewId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped(views: &[u16]) -> Arc<Stopped> {
        Arc::new(Stopped {
            relation: "v".to_owned(),
            operators: Vec::new(),
            views: views.iter().copied().map(ViewId).collect(),
            state_bytes: Some(1 << 20),
            state_bytes_max: 4 << 20,
        })
    }

    #[test]
    fn who_comes_to_what_was_given_up_hears_of_it_until_the_number_is_free() {
        let (stops, early, other) = (Stops::default(), Life::new(), Life::new());
        stops.watch(ViewId(0), &early);
        stops.watch(ViewId(1), &other);
        stops.stop(&stopped(&[0, 2]));
        assert!(matches!(early.ending(), Some(Ending::Stopped(_))));
        assert_eq!(other.ending(), None);
        let late = Life::new();
        stops.watch(ViewId(2), &late);
        assert!(matches!(late.ending(), Some(Ending::Stopped(_))));
        stops.forget(&[ViewId(2)]);
        let next = Life::new();
        stops.watch(ViewId(2), &next);
        assert_eq!(next.ending(), None);
    }
}
