//! Which shard a row of a relation is on, as far as the plan tells.

/// How the rows of a relation lie on the shards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Placement {
    /// Each row is on the shard that owns the hash of these columns, in this order.
    Hashed(Vec<usize>),
    /// Rows lie where the rows they were made of lay.
    Somewhere,
}

impl Placement {
    /// Whether rows with equal `keys` are certainly on one shard.
    pub(super) fn gathers(&self, keys: &[usize]) -> bool {
        match self {
            // The empty key has one hash, so all rows are on its shard.
            Placement::Hashed(columns) => columns.iter().all(|column| keys.contains(column)),
            Placement::Somewhere => false,
        }
    }

    /// Whether each row is on the shard that owns the hash of exactly `keys`.
    pub(super) fn is_hash_of(&self, keys: &[usize]) -> bool {
        *self == Placement::Hashed(keys.to_vec())
    }

    /// The placement behind a projection; `passed` tells where an input column went.
    pub(super) fn project(&self, passed: impl Fn(usize) -> Option<usize>) -> Placement {
        let Placement::Hashed(columns) = self else { return Placement::Somewhere };
        let moved: Option<Vec<usize>> = columns.iter().map(|&column| passed(column)).collect();
        moved.map_or(Placement::Somewhere, Placement::Hashed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subset_of_the_keys_gathers_and_another_column_does_not() {
        let placement = Placement::Hashed(vec![2]);
        assert!(placement.gathers(&[1, 2]));
        assert!(!placement.gathers(&[1]));
        assert!(Placement::Hashed(vec![]).gathers(&[]));
        assert!(!Placement::Somewhere.gathers(&[]));
    }

    #[test]
    fn a_projection_that_drops_the_key_forgets_the_placement() {
        let placement = Placement::Hashed(vec![2]);
        assert_eq!(placement.project(|_| Some(0)), Placement::Hashed(vec![0]));
        assert_eq!(placement.project(|_| None), Placement::Somewhere);
    }
}
