//! Rows that a shard could not use, the newest of them, as bytes in bounded memory.
//!
//! They are kept in pieces. The newest piece grows, and is copied first where somebody looks at it;
//! the oldest goes as a whole. So to keep rows, and to let somebody look at all of them, costs the
//! shard little, and nobody waits for anybody.

mod saved;

use std::collections::VecDeque;
use std::sync::Arc;

use sluicedb_sql::Value;
use sluicedb_sql::expr::RowError;

use crate::core::graph::{Graph, OperatorSpec};
use crate::core::ids::{Epoch, OperatorId, Time};
use crate::core::limits::{LETTERS_BYTES_MAX, LETTERS_PIECE_BYTES, LETTERS_ROWS_MAX};
use crate::core::morsel::{Morsel, Pool, ShapeId, decode, encode};
pub(super) use saved::{Reader, count};

/// The newest rows of one kind.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    pieces: VecDeque<Arc<Piece>>,
    rows: usize,
    bytes: usize,
    /// Rows that were kept and have gone.
    gone: u64,
}

/// Some of them, of one graph.
#[derive(Clone, Debug)]
struct Piece {
    graph: Arc<Graph>,
    parts: Vec<Part>,
    bytes: Vec<u8>,
    /// Of the rows, of what is beside them, and of reasons.
    held_bytes: usize,
    rows: usize,
}

/// Rows that came together; their bytes lie behind those of the part before.
#[derive(Clone, Debug)]
struct Part {
    seen_us: i64,
    /// In which they came; 0 where that was in an earlier life.
    epoch: Epoch,
    operator: OperatorId,
    /// Whether the operator has gone since.
    orphaned: bool,
    shape: ShapeId,
    bytes: usize,
    /// By row; empty where lateness is the reason.
    errors: Box<[RowError]>,
}

/// What was kept at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pieces: Vec<Arc<Piece>>,
}

/// One row of it.
#[derive(Debug)]
pub(crate) struct Letter<'a> {
    /// When it was refused, in microseconds since 1970.
    pub(crate) seen_us: i64,
    /// By whom.
    pub(crate) operator: &'a OperatorSpec,
    /// The row as it reached that.
    pub(crate) values: Vec<Value>,
    pub(crate) weight: i64,
    /// The watermark that it was behind; the least time where it was not.
    pub(crate) behind: Time,
    /// Why, where lateness is not the reason.
    pub(crate) error: Option<RowError>,
}

impl Letters {
    /// Keeps rows that an operator of this graph refused in an epoch.
    pub(crate) fn keep(
        &mut self,
        graph: &Arc<Graph>,
        (operator, epoch): (OperatorId, Epoch),
        morsel: &Morsel,
        errors: Vec<RowError>,
        seen_us: i64,
    ) {
        let (shape, errors) = (morsel.shape(), errors.into_boxed_slice());
        let part = Part { seen_us, epoch, operator, orphaned: false, shape, bytes: 0, errors };
        self.add(graph, part, morsel.rows(), |out| encode(morsel, out));
    }

    /// Keeps rows whose bytes whoever is called appends.
    fn add(
        &mut self,
        graph: &Arc<Graph>,
        mut part: Part,
        rows: usize,
        append: impl FnOnce(&mut Vec<u8>),
    ) {
        let fits = |piece: &&mut Arc<Piece>| {
            Arc::ptr_eq(&piece.graph, graph) && piece.held_bytes < LETTERS_PIECE_BYTES
        };
        let piece = match self.pieces.back_mut().filter(fits) {
            Some(piece) => piece,
            None => {
                let graph = Arc::clone(graph);
                self.pieces.push_back(Arc::new(Piece {
                    graph,
                    parts: Vec::new(),
                    bytes: Vec::new(),
                    held_bytes: 0,
                    rows: 0,
                }));
                self.pieces.back_mut().expect("pushed above")
            }
        };
        // Copied where somebody still looks at it.
        let piece = Arc::make_mut(piece);
        let before = piece.bytes.len();
        append(&mut piece.bytes);
        part.bytes = piece.bytes.len() - before;
        let bytes = part.bytes + size_of_val(&*part.errors) + size_of::<Part>();
        piece.parts.push(part);
        piece.rows += rows;
        piece.held_bytes += bytes;
        self.bytes += bytes;
        self.rows += rows;
        self.trim();
    }

    /// Operators have gone: what they refused is still looked at, and not saved.
    pub(crate) fn orphan(&mut self, gone: &[OperatorId]) {
        let of = |part: &Part| !part.orphaned && gone.contains(&part.operator);
        for piece in self.pieces.iter_mut().filter(|piece| piece.parts.iter().any(of)) {
            let parts = Arc::make_mut(piece).parts.iter_mut();
            parts.filter(|part| of(part)).for_each(|part| part.orphaned = true);
        }
    }

    /// Lets the oldest go until the rest is within bounds. The newest piece stays.
    fn trim(&mut self) {
        let over = |letters: &Letters| {
            letters.rows > LETTERS_ROWS_MAX
                || letters.bytes > LETTERS_BYTES_MAX
                || letters.pieces.len() > LETTERS_BYTES_MAX / LETTERS_PIECE_BYTES
        };
        while over(self) && self.pieces.len() > 1 {
            let Some(oldest) = self.pieces.pop_front() else { return };
            self.bytes -= oldest.held_bytes;
            self.rows -= oldest.rows;
            self.gone += oldest.rows as u64;
        }
    }

    /// Rows that were kept and have gone.
    pub(crate) fn gone(&self) -> u64 {
        self.gone
    }

    /// All rows that were kept.
    pub(crate) fn total(&self) -> u64 {
        self.gone + self.rows as u64
    }

    /// So many were kept in earlier lives: those that are not here have gone.
    pub(crate) fn set_total(&mut self, rows: u64) {
        self.gone = rows.saturating_sub(self.rows as u64);
    }

    /// All that is kept.
    pub(crate) fn look(&self) -> Kept {
        Kept { pieces: self.pieces.iter().cloned().collect() }
    }
}

impl Kept {
    /// Shows each row, the oldest first.
    pub(crate) fn each(&self, mut show: impl FnMut(Letter<'_>)) {
        for piece in &self.pieces {
            let mut pool = Pool::new(&piece.graph.shapes);
            let mut at = 0;
            for part in &piece.parts {
                let mut morsel = pool.take(part.shape);
                let read = decode(&piece.bytes[at..], &mut morsel);
                at += read.expect("bytes in memory are as they were written");
                let operator = piece.graph.operator(part.operator);
                let operator = operator.expect("an operator of the graph refused them");
                for row in 0..morsel.rows() {
                    show(Letter {
                        seen_us: part.seen_us,
                        operator,
                        values: morsel.row(row),
                        weight: morsel.weight(row),
                        behind: morsel.behind(row),
                        error: part.errors.get(row).copied(),
                    });
                }
                pool.put(morsel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::graph::{Route, lower};
    use sluicedb_sql::plan::Builder;
    use sluicedb_sql::{DataType, Field, Schema};

    const WHO: (OperatorId, Epoch) = (OperatorId(0), Epoch(3));

    fn graph() -> Arc<Graph> {
        let mut plan = Builder::new();
        let schema = Schema::new(vec![Field::nullable("x", DataType::BigInt)]).unwrap();
        let source = plan.source("s", schema, None).unwrap();
        plan.stream(source, "all").unwrap();
        Arc::new(lower(&plan.finish().unwrap(), Route::Rows).unwrap())
    }

    fn rows(graph: &Graph, values: std::ops::Range<i64>) -> Morsel {
        let mut morsel = Pool::new(&graph.shapes).take(ShapeId(0));
        values.for_each(|value| morsel.push_row(&[Value::BigInt(value)], -1));
        morsel
    }

    fn shown(letters: &Letters) -> Vec<i64> {
        let mut values = Vec::new();
        letters.look().each(|letter| {
            assert_eq!((letter.weight, letter.operator.origin.relation.as_str()), (-1, "all"));
            let Value::BigInt(value) = letter.values[0] else { panic!("another column") };
            values.push(value);
        });
        values
    }

    #[test]
    fn the_oldest_rows_go_first_and_are_counted() {
        let (graph, mut letters) = (graph(), Letters::default());
        let all = 3 * LETTERS_ROWS_MAX as i64;
        for from in (0..all).step_by(1024) {
            let errors = vec![RowError::Overflow; 1024];
            letters.keep(&graph, WHO, &rows(&graph, from..from + 1024), errors, 7);
        }
        let kept = shown(&letters);
        assert_eq!(letters.gone() as usize + kept.len(), all as usize);
        assert!(kept.len() <= LETTERS_ROWS_MAX && kept.len() * 2 > LETTERS_ROWS_MAX);
        assert!(kept.iter().copied().eq(all - kept.len() as i64..all), "the newest, in order");
        assert!(letters.bytes <= LETTERS_BYTES_MAX);
    }

    #[test]
    fn who_looks_sees_what_was_there_and_keeps_nobody_from_adding() {
        let (graph, mut letters) = (graph(), Letters::default());
        letters.keep(&graph, WHO, &rows(&graph, 0..2), Vec::new(), 7);
        let before = letters.look();
        letters.keep(&graph, WHO, &rows(&graph, 2..3), Vec::new(), 8);
        let mut seen = 0;
        before.each(|_| seen += 1);
        assert_eq!((seen, shown(&letters)), (2, vec![0, 1, 2]));
    }
}
