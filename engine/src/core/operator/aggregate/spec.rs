//! What an aggregate computes, worked out once from its options.

use sluicedb_sql::{DataType, Physical, SqlError};

use super::accumulator::{Accumulator, Groups};
use super::layout::{Group, Layout};
use super::options::AggregateOptions;
use super::sessions::Kept;
use super::windows::{PANE_ROOM, Root, Target, Windows};
use crate::core::arena::{Arena, BLOCK_BYTES, BlockId};
use crate::core::ids::Time;
use crate::core::limits::{SHADOW_BLOCKS_PER_ROW, STATE_BLOCKS_PER_ROW};
use crate::core::morsel::Morsel;
use crate::core::operator::{Context, Place};

/// An aggregate and where it keeps its state.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) place: Place,
    pub(super) options: AggregateOptions,
    pub(super) layout: Layout,
    pub(super) accumulators: Vec<Accumulator>,
    pub(super) windows: Option<Windows>,
    /// How rows are kept of sessions that may come apart.
    pub(super) kept: Option<Kept>,
    pub(super) root: Root,
    pub(super) owns_empty_key: bool,
    /// Columns whose long texts are copied to the heap, as often as they are.
    texts: Vec<usize>,
    /// Blocks that a row may take beyond what every operator may.
    extra_blocks: usize,
}

/// Blocks that a row may take in a tree: one for each level and a new root. Nodes hold 39 cells
/// and more behind a split, so that six levels hold all that a slot number can name.
const TREE_BLOCKS: usize = 7;

/// Blocks that a row may take in a set: a bucket that splits, one that overflows, a slot, and a block
/// of each directory.
const SET_BLOCKS: usize = 5;

/// Bytes of the longest text that lies in its view.
const VIEW_TEXT_BYTES: usize = 12;

impl Spec {
    /// Works the options out.
    pub(super) fn new(
        place: Place,
        options: AggregateOptions,
        root: BlockId,
        owns_empty_key: bool,
    ) -> Result<Spec, SqlError> {
        let windows = options.window.clone().map(Windows::new);
        let ahead = if windows.is_some() { 2 } else { 0 };
        let results = &options.output[ahead + options.keys.len()..];
        assert_eq!(results.len(), options.calls.len(), "one column for each call");
        let session = windows.as_ref().is_some_and(Windows::is_session);
        let groups = Groups { retracts: options.retracts, session };
        let mut accumulators = Vec::with_capacity(options.calls.len());
        let (mut trees, mut sets) = (0, 0);
        for (call, &output) in options.calls.iter().zip(results) {
            let made = Accumulator::new(call, &options.input, output, groups, (trees, sets));
            trees += usize::from(made.need().cell_key_bytes.is_some());
            sets += usize::from(made.need().set.is_some());
            accumulators.push(made);
        }
        let types: Vec<DataType> = options.keys.iter().map(|&key| options.input[key]).collect();
        let keeps = session && options.retracts;
        let room = match (windows.is_some() && !session, keeps) {
            (true, _) => BLOCK_BYTES,
            (false, true) => PANE_ROOM - Kept::HEADER_BYTES,
            (false, false) => PANE_ROOM,
        };
        let layout = Layout::new(&types, &mut accumulators, room, session)?;
        let root = Root::new(root);
        let kept = keeps.then(|| Kept::new(&options, root.pane().behind(&layout))).transpose()?;
        let is_text = |column: &usize| options.input[*column].physical() == Physical::Text;
        let mut texts: Vec<usize> = options.keys.iter().copied().filter(is_text).collect();
        texts.extend(accumulators.iter().filter_map(|call| call.need().text));
        if keeps {
            texts.extend(Kept::columns(&options).iter().filter(|column| is_text(column)));
        }
        // A pane, its index and the trees of panes; a slot in each slab; texts; trees; sets; a row.
        let blocks = 10
            + 3 * layout.parts()
            + texts.len()
            + TREE_BLOCKS * layout.trees()
            + SET_BLOCKS * layout.sets()
            + if keeps { 3 + TREE_BLOCKS } else { 0 };
        let extra_blocks = blocks.saturating_sub(STATE_BLOCKS_PER_ROW);
        Ok(Spec {
            place,
            options,
            layout,
            accumulators,
            windows,
            kept,
            root,
            owns_empty_key,
            texts,
            extra_blocks,
        })
    }

    /// What a row may take beyond the usual, asked for as if it were text, which counts half a block
    /// for a block; writes of it are copied twice as often.
    pub(super) fn extra_bytes(&self) -> usize {
        self.extra_blocks * BLOCK_BYTES
    }

    /// Whether there is one group, which always has a row.
    pub(super) fn is_global(&self) -> bool {
        self.windows.is_none() && self.options.keys.is_empty()
    }

    /// Whether groups are sessions.
    pub(super) fn is_session(&self) -> bool {
        self.windows.as_ref().is_some_and(Windows::is_session)
    }

    /// Where only closed sessions have a row: the limit that closed them.
    pub(super) fn shows_closed_by(&self, arena: &Arena) -> Option<Time> {
        let windows = self.windows.as_ref().filter(|windows| windows.is_session());
        windows.filter(|windows| windows.on_close()).map(|_| self.limit(arena))
    }

    /// What the watermark says of the time column.
    pub(super) fn limit(&self, arena: &Arena) -> Time {
        let time = self.root.watermark(arena);
        self.windows.as_ref().map_or(Time::MIN, |windows| windows.limit(time))
    }

    /// Whether a change of the target's groups is put out at once.
    pub(super) fn puts_out(&self, target: Target, limit: Time) -> bool {
        match (target, &self.windows) {
            (Target::Window(start), Some(windows)) => {
                !windows.on_close() || windows.is_closed(start, limit)
            }
            (Target::Slice(..), _) => false,
            (Target::All | Target::Window(_), _) => true,
        }
    }

    /// Whether a group can be freed: everything that came was taken back.
    pub(super) fn is_empty(&self, arena: &mut Arena, group: Group) -> bool {
        self.options.retracts
            && !self.is_global()
            && self.layout.rows(arena, group) == 0
            && self.accumulators.iter().all(|call| call.is_empty(arena, &self.layout, group))
    }

    /// A bound on the text that one row of a morsel may add to the heap, if it need not be worked
    /// out row by row: no text is longer than what lies in the views.
    pub(super) fn text_bytes_of_any(&self, morsel: &Morsel) -> Option<usize> {
        let mut texts = self.texts.iter().map(|&column| morsel.columns[column].texts());
        let short = texts.all(|texts| texts.heap().is_empty());
        short.then_some(self.texts.len() * VIEW_TEXT_BYTES)
    }

    /// Bytes of text that a row may add to the heap.
    pub(super) fn text_bytes(&self, morsel: &Morsel, row: usize) -> usize {
        let bytes = |column: &usize| morsel.columns[*column].bytes(row).len();
        self.texts.iter().map(bytes).sum()
    }

    /// How many rows may be worked on at once, at most `wanted`; `text_bytes` says how much text
    /// so many rows have.
    pub(super) fn allow(
        &self,
        context: &mut Context<'_>,
        wanted: usize,
        text_bytes: impl Fn(usize) -> usize,
    ) -> usize {
        context.allow(wanted, |rows| text_bytes(rows) + rows * self.extra_bytes())
    }
}

const _: () = assert!(SHADOW_BLOCKS_PER_ROW >= STATE_BLOCKS_PER_ROW);
