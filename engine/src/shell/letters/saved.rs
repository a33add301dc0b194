//! Letters as bytes, for checkpoints. Little endian: the count of parts (4 bytes), and of each when it was
//! seen (8), the operator (4), the shape (2), the count of reasons (4), the reasons (1 each), the length
//! of the rows (4) and the rows, as the log has them.

use std::sync::Arc;

use sluicedb_sql::expr::RowError;

use super::{Letters, Part};
use crate::core::graph::Graph;
use crate::core::ids::{Epoch, OperatorId};
use crate::core::morsel::{Pool, ShapeId, decode};

/// Takes integers off bytes, one after another.
pub(in crate::shell) struct Reader<'a>(pub(in crate::shell) &'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    pub(in crate::shell) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(in crate::shell) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(in crate::shell) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// As many bytes as the integer before them says.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let bytes = self.u32()? as usize;
        let (first, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(first)
    }
}

/// Appends a count.
pub(in crate::shell) fn count(items: usize, out: &mut Vec<u8>) {
    out.extend(u32::try_from(items).expect("letters are bounded").to_le_bytes());
}

impl Letters {
    /// Appends those that came behind one epoch, if any is told, up to the end of another.
    pub(in crate::shell) fn save(&self, since: Option<Epoch>, until: Epoch, out: &mut Vec<u8>) {
        let wanted = |part: &Part| {
            !part.orphaned && part.epoch <= until && since.is_none_or(|since| part.epoch > since)
        };
        let parts = self.pieces.iter().flat_map(|piece| &piece.parts);
        count(parts.filter(|part| wanted(part)).count(), out);
        for piece in &self.pieces {
            let mut at = 0;
            for part in &piece.parts {
                let rows = &piece.bytes[at..at + part.bytes];
                at += part.bytes;
                if wanted(part) {
                    out.extend(part.seen_us.to_le_bytes());
                    out.extend(part.operator.0.to_le_bytes());
                    out.extend(part.shape.0.to_le_bytes());
                    count(part.errors.len(), out);
                    out.extend(part.errors.iter().map(|error| *error as u8));
                    count(rows.len(), out);
                    out.extend_from_slice(rows);
                }
            }
        }
    }

    /// Keeps those that were saved, of operators of this graph; nothing where the bytes are none.
    pub(in crate::shell) fn restore(
        &mut self,
        graph: &Arc<Graph>,
        pool: &mut Pool,
        reader: &mut Reader<'_>,
    ) -> Option<()> {
        for _ in 0..reader.u32()? {
            let seen_us = i64::from_le_bytes(reader.array()?);
            let operator = OperatorId(reader.u32()?);
            let shape = ShapeId(reader.array().map(u16::from_le_bytes)?);
            let errors = reader.sized()?.iter();
            let errors = errors.map(|&code| RowError::ALL.get(usize::from(code)).copied());
            let errors: Box<[RowError]> = errors.collect::<Option<_>>()?;
            let bytes = reader.sized()?;
            graph.operator(operator)?;
            graph.shapes.get(usize::from(shape.0))?;
            let mut morsel = pool.take(shape);
            let read = decode(bytes, &mut morsel).ok()?;
            let rows = morsel.rows();
            pool.put(morsel);
            if read != bytes.len() || !errors.is_empty() && errors.len() != rows {
                return None;
            }
            let (epoch, orphaned) = (Epoch(0), false);
            let part = Part { seen_us, epoch, operator, orphaned, shape, bytes: 0, errors };
            self.add(graph, part, rows, |out| out.extend_from_slice(bytes));
        }
        Some(())
    }
}
