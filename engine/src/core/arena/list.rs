//! Doubly linked lists threaded through a table, so that a list joins another in O(1).
//!
//! Invariants:
//! - A node is in at most one list; `count` is the number of nodes between `first` and `last`.
//! - The links of a node that is in no list mean nothing.

/// Stands for "no node".
pub(super) const NONE: u32 = u32::MAX;

/// The neighbours of a node in its list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) prev: u32,
    pub(super) next: u32,
}

impl Link {
    pub(super) const ALONE: Link = Link { prev: NONE, next: NONE };
}

/// A row of a table that can be in a list.
pub(super) trait Node {
    fn link(&self) -> Link;
    fn link_mut(&mut self) -> &mut Link;
}

#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) count: u32,
}

impl List {
    pub(super) const EMPTY: List = List { first: NONE, last: NONE, count: 0 };

    pub(super) fn push<N: Node>(&mut self, nodes: &mut [N], node: u32) {
        *nodes[node as usize].link_mut() = Link { prev: NONE, next: self.first };
        match self.first {
            NONE => self.last = node,
            first => nodes[first as usize].link_mut().prev = node,
        }
        self.first = node;
        self.count += 1;
    }

    pub(super) fn pop<N: Node>(&mut self, nodes: &mut [N]) -> Option<u32> {
        let node = self.first;
        if node == NONE {
            assert_eq!(self.count, 0, "a list without a first node is empty");
            return None;
        }
        self.unlink(nodes, node);
        Some(node)
    }

    /// Takes out a node that is in this list.
    pub(super) fn unlink<N: Node>(&mut self, nodes: &mut [N], node: u32) {
        let Link { prev, next } = nodes[node as usize].link();
        match prev {
            NONE => {
                assert_eq!(self.first, node, "a node without predecessor is first");
                self.first = next;
            }
            prev => nodes[prev as usize].link_mut().next = next,
        }
        match next {
            NONE => {
                assert_eq!(self.last, node, "a node without successor is last");
                self.last = prev;
            }
            next => nodes[next as usize].link_mut().prev = prev,
        }
        self.count -= 1;
    }

    /// Moves all of `other` behind the last node, touching two nodes whatever the lengths.
    pub(super) fn append<N: Node>(&mut self, nodes: &mut [N], other: &mut List) {
        let List { first, last, count } = std::mem::replace(other, List::EMPTY);
        if first == NONE {
            return;
        }
        match self.last {
            NONE => self.first = first,
            before => {
                nodes[before as usize].link_mut().next = first;
                nodes[first as usize].link_mut().prev = before;
            }
        }
        self.last = last;
        self.count += count;
    }

    /// Calls `visit` for each node; panics when links or count are inconsistent.
    pub(super) fn check<N: Node>(&self, nodes: &[N], mut visit: impl FnMut(u32)) {
        let (mut node, mut prev, mut count) = (self.first, NONE, 0);
        while node != NONE {
            assert_eq!(nodes[node as usize].link().prev, prev, "links agree in both directions");
            count += 1;
            assert!(count <= self.count, "a list has no cycle and no more nodes than it counts");
            visit(node);
            prev = node;
            node = nodes[node as usize].link().next;
        }
        assert_eq!((count, prev), (self.count, self.last), "a list ends at its last node");
    }
}
