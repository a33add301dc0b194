//! What an aggregate remembers of event time, and the panes of its windows and slices.
//!
//! The root block of the zone holds the watermark, two counters and two trees: windows by number,
//! and slices by start and first window. Without windows the one pane's header lies there too.
//!
//! The windows of sessions have no panes: all sessions are in the one pane, and the two trees lead to
//! them by other keys (see `sessions`).
//!
//! Where windows overlap and are put out as they close, a row goes into its slice only, and a
//! window is put together from its slices as it closes. A row that is late for some of its windows
//! must count in the others alone, whatever this shard has closed: it goes into a pane of the same
//! slice whose first window is the first that takes it.
//!
//! Invariants:
//! - A window has end `e`. It is closed once `e <= limit`, and gone once `e + lateness <= limit`,
//!   where the limit is the watermark less the lag. No pane of a gone window exists.
//! - A slice pane exists only while one of its windows is not closed.

use sluicedb_sql::plan::Window;

use super::accumulator::{of_i64, to_i64};
use super::layout::{Layout, Pane, Span};
use super::options::WindowOptions;
use super::sessions::{KEY_ENTRY_BYTES, TIME_ENTRY_BYTES};
use crate::core::arena::{Anchor, Arena, BLOCK_BYTES, BlockId, Blocks, Bytes, Tree, ZoneId};
use crate::core::ids::Time;

const WATERMARK: usize = 0;
const LATE: usize = 8;
const UNTIMED: usize = 16;
const WINDOWS: usize = 24;
/// Behind all headers.
const WITHHELD: usize = BLOCK_BYTES - 8;
const SLICES: usize = WINDOWS + Tree::HEADER_BYTES;
const PANE: usize = SLICES + Tree::HEADER_BYTES;

/// Bytes that the header of the only pane may have in the root block, with what is behind it.
pub(super) const PANE_ROOM: usize = WITHHELD - PANE;

const WINDOW_KEY_BYTES: usize = 8;
const SLICE_KEY_BYTES: usize = 16;
const BLOCK_ID_BYTES: usize = 4;

/// The root block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    block: BlockId,
}

/// Where a row goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Target {
    /// The only pane of an aggregate without windows.
    All,
    /// A window, by its number.
    Window(i64),
    /// A slice, by its start and the first window that the row counts in.
    Slice(i64, i64),
}

/// The windows of an aggregate.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    options: WindowOptions,
    sliced: bool,
}

impl Root {
    /// The root in this block.
    pub(super) fn new(block: BlockId) -> Root {
        Root { block }
    }

    /// Lays out the root of an empty aggregate.
    pub(super) fn create(self, arena: &mut Arena, zone: ZoneId, session: bool) {
        let extent = arena.root_extent(zone);
        if session {
            Tree::create(arena, extent, self.at(WINDOWS), TIME_ENTRY_BYTES, 0);
            Tree::create(arena, extent, self.at(SLICES), KEY_ENTRY_BYTES, 0);
        } else {
            Tree::create(arena, extent, self.at(WINDOWS), WINDOW_KEY_BYTES, BLOCK_ID_BYTES);
            Tree::create(arena, extent, self.at(SLICES), SLICE_KEY_BYTES, BLOCK_ID_BYTES);
        }
        self.set_watermark(arena, Time::MIN);
    }

    fn at(self, bytes: usize) -> Anchor {
        Anchor::new(self.block, bytes as u16)
    }

    /// The pane of an aggregate without windows.
    pub(super) fn pane(self) -> Pane {
        Pane::at_anchor(self.at(PANE))
    }

    /// Lays out the pane of an aggregate without windows.
    pub(super) fn create_pane(self, arena: &mut Arena, layout: &Layout, zone: ZoneId) {
        let extent = arena.root_extent(zone);
        layout.create(arena, extent, self.at(PANE), Span { start: 0, first: 0 });
    }

    /// The last watermark that was worked off.
    pub(super) fn watermark(self, arena: &Arena) -> Time {
        Time(self.read(arena, WATERMARK))
    }

    pub(super) fn set_watermark(self, arena: &mut Arena, time: Time) {
        self.write(arena, WATERMARK, time.0);
    }

    /// Rows that came too late for all their windows.
    pub(super) fn late(self, arena: &Arena) -> u64 {
        self.read(arena, LATE) as u64
    }

    /// Rows without a time, or with one whose windows no timestamp can bound.
    pub(super) fn untimed(self, arena: &Arena) -> u64 {
        self.read(arena, UNTIMED) as u64
    }

    pub(super) fn count(self, arena: &mut Arena, late: usize, untimed: usize) {
        for (at, more) in [(LATE, late), (UNTIMED, untimed)] {
            if more > 0 {
                let rows = self.read(arena, at).saturating_add(more as i64);
                self.write(arena, at, rows);
            }
        }
    }

    /// Groups whose result does not fit its type, so that they have no row.
    pub(super) fn withheld(self, arena: &Arena) -> u64 {
        self.read(arena, WITHHELD).max(0) as u64
    }

    pub(super) fn count_withheld(self, arena: &mut Arena, more: i64) {
        let groups = self.read(arena, WITHHELD) + more;
        assert!(groups >= 0, "a group has a row again that was not withheld");
        self.write(arena, WITHHELD, groups);
    }

    fn read(self, arena: &Arena, at: usize) -> i64 {
        i64::from_le_bytes(arena.block(self.block)[at..at + 8].try_into().expect("eight bytes"))
    }

    fn write(self, arena: &mut Arena, at: usize, value: i64) {
        arena.block_mut(self.block)[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }

    /// Of sessions: by when something is due.
    pub(super) fn session_times(self) -> Tree {
        self.windows()
    }

    /// Of sessions: by key and first moment.
    pub(super) fn session_keys(self) -> Tree {
        self.slices()
    }

    fn windows(self) -> Tree {
        Tree::open(self.at(WINDOWS))
    }

    fn slices(self) -> Tree {
        Tree::open(self.at(SLICES))
    }

    /// The pane that a target names, which is made if it is not there.
    pub(super) fn pane_of(
        self,
        arena: &mut Arena,
        layout: &Layout,
        zone: ZoneId,
        target: Target,
    ) -> Pane {
        let (start, first) = match target {
            Target::All => return self.pane(),
            Target::Window(start) => (start, start),
            Target::Slice(start, first) => (start, first),
        };
        let (tree, key, len) = self.place(target);
        if let Some(block) = tree.get(&*arena, &Bytes, &key[..len]) {
            return pane_at(block);
        }
        let pane = new_pane(arena, layout, zone, Span { start, first });
        let block = pane.block().0.to_le_bytes();
        assert!(tree.insert(arena, &Bytes, &key[..len], &block), "the pane was not found");
        pane
    }

    fn place(self, target: Target) -> (Tree, [u8; SLICE_KEY_BYTES], usize) {
        let mut key = [0; SLICE_KEY_BYTES];
        match target {
            Target::All => unreachable!("the only pane is in no tree"),
            Target::Window(start) => {
                key[..8].copy_from_slice(&of_i64(start));
                (self.windows(), key, WINDOW_KEY_BYTES)
            }
            Target::Slice(start, first) => {
                key = slice_key(start, first);
                (self.slices(), key, SLICE_KEY_BYTES)
            }
        }
    }

    /// Keeps a pane as a window that was closed but still takes rows.
    pub(super) fn keep(self, arena: &mut Arena, pane: Pane) {
        let (tree, key, len) = self.place(Target::Window(pane.span(arena).start));
        let block = pane.block().0.to_le_bytes();
        assert!(tree.insert(arena, &Bytes, &key[..len], &block), "a window closes once");
    }

    /// Frees a pane and takes it out of its tree.
    pub(super) fn free(self, arena: &mut Arena, target: Target, pane: Pane) {
        let (tree, key, len) = self.place(target);
        assert!(tree.remove(arena, &Bytes, &key[..len]), "every pane is in its tree");
        arena.free_extent(pane.extent(arena));
    }

    /// The first window that starts at `start` or later.
    pub(super) fn next_window(self, arena: &Arena, start: i64) -> Option<(i64, Pane)> {
        let (key, block) = self.windows().seek(arena, &Bytes, &of_i64(start))?;
        Some((i64_of(key), pane_at(block)))
    }

    /// The first slice.
    pub(super) fn first_slice(self, arena: &Arena) -> Option<(Span, Pane)> {
        let (key, block) = self.slices().first(arena)?;
        Some((Span { start: i64_of(key), first: i64_of(&key[8..]) }, pane_at(block)))
    }

    /// Visits the slices from `start` on while `visit` returns true.
    pub(super) fn walk_slices(
        self,
        arena: &Arena,
        start: i64,
        mut visit: impl FnMut(Span, Pane) -> bool,
    ) {
        let key = slice_key(start, i64::MIN);
        let from = std::ops::Bound::Included(&key[..]);
        self.slices().walk(arena, &Bytes, from, |key, block| {
            visit(Span { start: i64_of(key), first: i64_of(&key[8..]) }, pane_at(block))
        });
    }
}

/// An empty pane in an extent of its own, which no tree knows yet.
pub(super) fn new_pane(arena: &mut Arena, layout: &Layout, zone: ZoneId, span: Span) -> Pane {
    let extent = arena.create_extent(zone);
    let block = arena.alloc(extent);
    layout.create(arena, extent, Anchor::new(block, 0), span)
}

fn pane_at(block: &[u8]) -> Pane {
    let block = BlockId(u32::from_le_bytes(block.try_into().expect("four bytes")));
    Pane::at_anchor(Anchor::new(block, 0))
}

fn slice_key(start: i64, first: i64) -> [u8; SLICE_KEY_BYTES] {
    let mut key = [0; SLICE_KEY_BYTES];
    key[..8].copy_from_slice(&of_i64(start));
    key[8..].copy_from_slice(&of_i64(first));
    key
}

fn i64_of(key: &[u8]) -> i64 {
    to_i64(key[..8].try_into().expect("eight bytes"))
}

impl Windows {
    /// The windows of these options.
    pub(super) fn new(options: WindowOptions) -> Windows {
        let overlap = options.window.size_us() != options.window.slide_us();
        let sliced = overlap && options.on_close;
        assert!(options.allowed_lateness_us >= 0, "lateness counts from the end of a window on");
        Windows { options, sliced }
    }

    /// Column of the input that says when a row happened.
    pub(super) fn time(&self) -> usize {
        *self.options.window.time()
    }

    /// Whether windows are sessions.
    pub(super) fn is_session(&self) -> bool {
        self.options.window.is_session()
    }

    /// How long a window that the watermark passed still takes rows.
    pub(super) fn lateness_us(&self) -> i64 {
        self.options.allowed_lateness_us
    }

    /// Whether windows are put together from slices.
    pub(super) fn sliced(&self) -> bool {
        self.sliced
    }

    /// Whether rows are put out when windows close.
    pub(super) fn on_close(&self) -> bool {
        self.options.on_close
    }

    /// Whether closed windows take rows for a while.
    pub(super) fn keeps_closed(&self) -> bool {
        self.options.allowed_lateness_us > 0
    }

    /// Whether windows ever close.
    pub(super) fn closes(&self) -> bool {
        self.options.lag_us.is_some()
    }

    /// What the watermark `time` says of the time column.
    pub(super) fn limit(&self, time: Time) -> Time {
        self.options.lag_us.map_or(Time::MIN, |lag_us| time.minus(lag_us))
    }

    /// The windows themselves.
    pub(super) fn window(&self) -> &Window {
        &self.options.window
    }

    /// Whether each row is in one window.
    pub(super) fn single(&self) -> bool {
        self.options.window.size_us() == self.options.window.slide_us()
    }

    /// When a window ends. Windows are named by the numbers that the plan gives them.
    #[inline]
    pub(super) fn end(&self, number: i64) -> i64 {
        self.options.window.end_of(number)
    }

    /// The slices of a window: the first, and the one behind the last.
    pub(super) fn slices(&self, number: i64) -> (i64, i64) {
        let end = number.checked_add(self.options.window.reach_us());
        let end = end.expect("a row whose windows do not fit a timestamp is not taken");
        (self.options.window.first_slice_of(number), end)
    }

    /// The last window that holds the slice at `start`.
    pub(super) fn last_window(&self, start: i64) -> i64 {
        self.options.window.last_window(start)
    }

    /// The first window whose number is not below `start`.
    pub(super) fn align_up(&self, start: i128) -> i128 {
        let (slide, offset) = (self.options.window.slide_us(), self.options.window.offset_us());
        let into = (start - i128::from(offset)).rem_euclid(i128::from(slide));
        if into == 0 { start } else { start - into + i128::from(slide) }
    }

    /// Whether a window has been put out for the first time.
    pub(super) fn is_closed(&self, start: i64, limit: Time) -> bool {
        self.options.on_close && self.end(start) <= limit.0
    }

    /// Whether a window takes no more rows.
    #[inline]
    pub(super) fn is_gone(&self, start: i64, limit: Time) -> bool {
        let end = self.end(start).saturating_add(self.options.allowed_lateness_us);
        end <= limit.0
    }

    /// Where a row goes that is not late for all its windows. `behind` is the watermark that the
    /// row's own source had, and decides which windows take the row; `limit` says which of those
    /// are closed here.
    pub(super) fn targets(&self, slice: i64, behind: Time, limit: Time, out: &mut Vec<Target>) {
        if self.single() {
            assert!(
                !self.is_gone(slice, limit),
                "a row that is not late meets a window that is gone"
            );
            return out.push(Target::Window(slice));
        }
        let entered = self.limit(behind);
        let mut first = None;
        for start in self.options.window.windows_of_slice(slice) {
            if self.is_gone(start, entered) {
                continue;
            }
            assert!(
                !self.is_gone(start, limit),
                "a row that is not late meets a window that is gone"
            );
            let first = *first.get_or_insert(start);
            if self.sliced && !self.is_closed(start, limit) {
                return out.push(Target::Slice(slice, first));
            }
            out.push(Target::Window(start));
        }
        assert!(first.is_some(), "a row that is late for all windows is not taken");
    }
}
