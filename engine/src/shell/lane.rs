//! A lane as two rings: frames go one way, empty buffers come back the other.

use std::sync::Arc;

use rtrb::{Consumer, Producer, RingBuffer};

use super::bell::Bell;
use super::topology::near_node;
use crate::core::morsel::Morsel;

/// The end of a lane that sends.
pub(crate) struct Sender<T> {
    ring: Producer<T>,
    returns: Consumer<Morsel>,
    /// Last, so that it rings when the receiver can see that nothing more will come.
    bell: Farewell,
}

/// The receiver's bell. It is rung once more when the sender is gone.
struct Farewell(Arc<Bell>);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.ring();
    }
}

/// The end of a lane that receives.
pub(crate) struct Receiver<T> {
    ring: Consumer<T>,
    returns: Producer<Morsel>,
}

/// Where a lane leads to.
#[derive(Clone)]
pub(crate) struct Place {
    /// At which whoever takes frames sleeps.
    pub(crate) bell: Arc<Bell>,
    /// The NUMA node from which it runs, if there are several.
    pub(crate) node: Option<u32>,
}

/// A lane of so many frames to another part of the engine. Its memory is touched here, near whoever
/// takes from it, so that nobody faults on the way; `blank` owns nothing and is what it is touched
/// with.
pub(crate) fn near_lane<T: Clone>(
    frames: usize,
    to: &Place,
    blank: &T,
) -> (Sender<T>, Receiver<T>) {
    // Memory of another node is slower, not wrong.
    let _near = to.node.and_then(|node| near_node(node).ok());
    let (mut sender, receiver) = lane(frames, &to.bell);
    let mut chunk = sender.ring.write_chunk_uninit(frames).expect("all places are free");
    // Nothing is committed, so nobody sees what is written.
    let (places, _) = chunk.as_mut_slices();
    for place in places {
        place.write(blank.clone());
    }
    (sender, receiver)
}

/// A lane of so many frames to whoever sleeps at `bell`.
pub(crate) fn lane<T>(frames: usize, bell: &Arc<Bell>) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = RingBuffer::new(frames);
    // Single rows need no buffers, so a long lane does not need as many places on its way back.
    let (giver, returns) = RingBuffer::new(frames.min(RETURNS_MAX));
    (
        Sender { ring: sender, returns, bell: Farewell(Arc::clone(bell)) },
        Receiver { ring: receiver, returns: giver },
    )
}

/// Buffers that wait to be taken back; what does not fit stays with the receiver.
const RETURNS_MAX: usize = 256;

impl<T> Sender<T> {
    /// Whether so many places are free. The other end is looked at only if too few are known.
    #[inline]
    pub(crate) fn has_room(&self, wanted: usize) -> bool {
        self.ring.cached_slots() >= wanted || self.ring.slots() >= wanted
    }

    /// Free places.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.ring.slots()
    }

    /// Publishes a frame. There is room: the sender has looked, and nobody else sends.
    #[inline]
    pub(crate) fn send(&mut self, frame: T) {
        let sent = self.ring.push(frame);
        assert!(sent.is_ok(), "a frame was sent on a lane without room");
    }

    /// Publishes a frame that is made in its place: rows are too large to be moved for nothing.
    #[inline]
    pub(crate) fn send_made(&mut self, make: impl FnOnce() -> T) {
        let place = self.ring.write_chunk_uninit(1);
        let place = place.expect("a frame was sent on a lane without room");
        place.fill_from_iter(std::iter::once_with(make));
    }

    /// Wakes the receiver if it sleeps.
    #[inline]
    pub(crate) fn ring(&self) {
        self.bell.0.ring();
    }

    /// Places in all.
    pub(crate) fn places(&self) -> usize {
        self.ring.buffer().capacity()
    }

    /// An empty buffer that came back.
    #[inline]
    pub(crate) fn returned(&mut self) -> Option<Morsel> {
        self.returns.pop().ok()
    }

    /// Whether the receiver is gone.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }
}

impl<T> Receiver<T> {
    /// Frames that can be taken.
    #[inline]
    pub(crate) fn waiting(&self) -> usize {
        self.ring.slots()
    }

    /// Whether nothing can be taken.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// The oldest frame.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<T> {
        self.ring.pop().ok()
    }

    /// The oldest frame, which stays.
    #[inline]
    pub(crate) fn first(&self) -> Option<&T> {
        self.ring.peek().ok()
    }

    /// Drops the oldest frame, which was looked at.
    #[inline]
    pub(crate) fn drop_first(&mut self) {
        self.ring.read_chunk(1).expect("it was looked at").commit_all();
    }

    /// Gives an empty buffer back; it comes back itself where there is no place.
    #[inline]
    pub(crate) fn give_back(&mut self, morsel: Morsel) -> Result<(), Morsel> {
        self.returns.push(morsel).map_err(|rtrb::PushError::Full(morsel)| morsel)
    }

    /// Whether another empty buffer can be given back.
    #[inline]
    pub(crate) fn wants_back(&self) -> bool {
        !self.returns.is_full()
    }

    /// Whether the sender is gone and nothing is left of it.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }
}
