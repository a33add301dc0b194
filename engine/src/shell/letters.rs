//! Rows that a shard could not use, the newest of them, as bytes in bounded memory.
//!
//! They are kept in pieces. The newest piece grows, and is copied first where somebody looks at it;
//! the oldest goes as a whole. So to keep rows, and to let somebody look at all of them, costs the
//! shard little, and nobody waits for anybody.

use std::collections::VecDeque;
use std::sync::Arc;

use sluicedb_sql::Value;
use sluicedb_sql::expr::RowError;

use crate::core::graph::{Graph, OperatorSpec};
use crate::core::ids::{OperatorId, Time};
use crate::core::limits::{LETTERS_BYTES_MAX, LETTERS_PIECE_BYTES, LETTERS_ROWS_MAX};
use crate::core::morsel::{Morsel, Pool, ShapeId, decode, encode};

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
    operator: OperatorId,
    shape: ShapeId,
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
    /// Keeps rows that an operator of this graph refused.
    pub(crate) fn keep(
        &mut self,
        graph: &Arc<Graph>,
        operator: OperatorId,
        morsel: &Morsel,
        errors: Vec<RowError>,
        seen_us: i64,
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
        encode(morsel, &mut piece.bytes);
        let (shape, errors) = (morsel.shape(), errors.into_boxed_slice());
        let bytes = piece.bytes.len() - before + size_of_val(&*errors) + size_of::<Part>();
        piece.parts.push(Part { seen_us, operator, shape, errors });
        piece.rows += morsel.rows();
        piece.held_bytes += bytes;
        self.bytes += bytes;
        self.rows += morsel.rows();
        self.trim();
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
            letters.keep(&graph, OperatorId(0), &rows(&graph, from..from + 1024), errors, 7);
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
        letters.keep(&graph, OperatorId(0), &rows(&graph, 0..2), Vec::new(), 7);
        let before = letters.look();
        letters.keep(&graph, OperatorId(0), &rows(&graph, 2..3), Vec::new(), 8);
        let mut seen = 0;
        before.each(|_| seen += 1);
        assert_eq!((seen, shown(&letters)), (2, vec![0, 1, 2]));
    }
}
