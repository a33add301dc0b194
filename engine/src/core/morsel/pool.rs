//! Morsels that wait for their next use, so that the steady state allocates nothing.

use std::sync::Arc;

use sluicedb_sql::{Column, DataType};

use super::{Morsel, Ties};

/// A kind of morsel: which columns it has. The same number on every shard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ShapeId(pub u16);

/// The column types of a kind of morsel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shape(pub Arc<[DataType]>);

/// The free morsels of one shard, by shape.
#[derive(Debug)]
pub struct Pool {
    shelves: Vec<Shelf>,
}

#[derive(Debug)]
struct Shelf {
    shape: Shape,
    free: Vec<Morsel>,
    made: u64,
}

impl Shelf {
    fn make(&mut self, shape: ShapeId) -> Morsel {
        self.made += 1;
        Morsel {
            shape,
            rows: 0,
            columns: self.shape.0.iter().map(|&data_type| Column::new(data_type)).collect(),
            weights: Vec::new(),
            ties: Ties::default(),
            behind: Vec::new(),
        }
    }
}

/// Free morsels kept per shape; what comes back beyond that is given up. A shape is in use by at
/// most one morsel per operator and lane at a time, and few plans have more than this.
const FREE_MAX: usize = 64;

impl Pool {
    /// A pool for the shapes of a graph.
    pub fn new(shapes: &[Shape]) -> Pool {
        let shelf = |shape: &Shape| Shelf { shape: shape.clone(), free: Vec::new(), made: 0 };
        Pool { shelves: shapes.iter().map(shelf).collect() }
    }

    /// Makes room for shapes that have come behind those it knows.
    pub fn extend(&mut self, shapes: &[Shape]) {
        for shape in &shapes[self.shelves.len()..] {
            self.shelves.push(Shelf { shape: shape.clone(), free: Vec::new(), made: 0 });
        }
    }

    /// An empty morsel.
    #[inline]
    pub fn take(&mut self, shape: ShapeId) -> Morsel {
        let shelf = &mut self.shelves[usize::from(shape.0)];
        let morsel = shelf.free.pop().unwrap_or_else(|| shelf.make(shape));
        debug_assert!(morsel.is_empty(), "a pooled morsel holds no rows");
        morsel
    }

    /// An empty morsel that waits for its next use, if one does.
    pub fn spare(&mut self, shape: ShapeId) -> Option<Morsel> {
        self.shelves[usize::from(shape.0)].free.pop()
    }

    /// How many morsels were made because none was free. Stays as it is in the steady state.
    pub fn made(&self) -> u64 {
        self.shelves.iter().map(|shelf| shelf.made).sum()
    }

    /// Takes a morsel back.
    pub fn put(&mut self, mut morsel: Morsel) {
        let shelf = &mut self.shelves[usize::from(morsel.shape.0)];
        assert_eq!(morsel.columns.len(), shelf.shape.0.len(), "a morsel returns to its own shelf");
        if shelf.free.len() < FREE_MAX {
            morsel.clear();
            shelf.free.push(morsel);
        }
    }

    /// A copy of a morsel in pooled buffers.
    pub fn copy(&mut self, from: &Morsel) -> Morsel {
        let mut copy = self.take(from.shape);
        copy.append(from);
        copy
    }
}
