//! Random joins whose results stay small.

use sluicedb_sql::expr::Expr;
use sluicedb_sql::plan::{JoinKind, JoinSpec, both_sides};

use super::draft::{Column, Draft};
use super::expr::Expressions;

/// Rows that a join is let have, as far as that can be foreseen.
const JOIN_ROWS_MAX: usize = 3000;

/// Joins beneath a join: the more there are, the worse is its size foreseen.
const JOINS_MAX: usize = 1;

/// Pairs of columns a join may ask to be equal.
const PAIRS_MAX: usize = 3;

/// Columns of a joined relation that come from one side.
const SIDE_COLUMNS_MAX: usize = 6;

/// Attempts to find two relations with something in common.
const ATTEMPTS: usize = 8;

/// Equal columns of both sides.
type Pairs = Vec<(usize, usize)>;

impl Draft<'_> {
    /// Joins two relations, perhaps one with itself.
    pub(super) fn join(&mut self) {
        for _ in 0..ATTEMPTS {
            let (left, right) = (self.pick(), self.pick());
            if self.relations[left].joins + self.relations[right].joins > JOINS_MAX {
                continue;
            }
            let mut pairs = self.common(left, right);
            self.prng.shuffle(&mut pairs);
            let wanted = if self.prng.chance(25) { 2 } else { 1 };
            let (mut on, mut distinct) = (Pairs::new(), 1);
            let product = self.relations[left].rows * self.relations[right].rows;
            for (l, r) in pairs {
                let free = on.iter().all(|&(other_l, other_r)| other_l != l && other_r != r);
                let large = product / distinct > JOIN_ROWS_MAX && on.len() < PAIRS_MAX;
                if free && (on.len() < wanted || large) {
                    // Columns depend on each other: rows equal in one are often so in the next.
                    distinct = distinct.max(self.distinct(left, l)).max(self.distinct(right, r));
                    on.push((l, r));
                }
            }
            if self.prng.chance(20) && product <= JOIN_ROWS_MAX {
                (on, distinct) = (Pairs::new(), 1);
            }
            let rows = product / distinct;
            let all_with_all = on.is_empty() && product <= JOIN_ROWS_MAX;
            if (!on.is_empty() || all_with_all) && rows <= JOIN_ROWS_MAX {
                return self.join_on(left, right, &on, rows);
            }
        }
        self.aggregate();
    }

    fn distinct(&self, relation: usize, column: usize) -> usize {
        self.relations[relation].columns[column].distinct
    }

    /// The pairs of columns that may have values in common.
    fn common(&self, left: usize, right: usize) -> Pairs {
        let (left_types, right_types) = (self.types(left), self.types(right));
        let (l, r) = (&self.relations[left].columns, &self.relations[right].columns);
        let all = (0..l.len()).flat_map(|a| (0..r.len()).map(move |b| (a, b)));
        let alike = |&(a, b): &(usize, usize)| {
            left_types[a] == right_types[b] && l[a].domain == r[b].domain
        };
        all.filter(alike).collect()
    }

    fn join_on(&mut self, left: usize, right: usize, on: &[(usize, usize)], rows: usize) {
        let (left_keys, right_keys): (Vec<usize>, Vec<usize>) = on.iter().copied().unzip();
        let (left, left_keys) = self.side(left, right, &left_keys);
        let (right, right_keys) = self.side(right, left, &right_keys);
        let (l, r) = (self.relations[left].clone(), self.relations[right].clone());
        let kind = match self.prng.chance(40) {
            true => JoinKind::Inner,
            false => *self.prng.pick(&JoinKind::ALL),
        };
        let all: Vec<Column> = [l.columns.clone(), r.columns].concat();
        let spec = JoinSpec {
            kind,
            keys: left_keys.into_iter().zip(right_keys).collect(),
            nulls_equal: self.prng.chance(15),
            condition: self.prng.chance(30).then(|| self.condition(left, right, &all)),
        };
        let id = self.builder.join_with(l.id, r.id, &spec).expect("a drawn join is valid");
        let columns = match kind {
            JoinKind::Semi | JoinKind::Anti => l.columns,
            JoinKind::Mark => {
                let mark = Column { distinct: 2, one_zero: true, ..Column::computed(None) };
                [l.columns, vec![mark]].concat()
            }
            _ => all,
        };
        let rows = if kind.pairs() { rows + l.rows + r.rows } else { l.rows };
        self.add(&[left, right], id, columns, rows.clamp(1, JOIN_ROWS_MAX));
    }

    /// A condition over the columns of both sides.
    fn condition(&mut self, left: usize, right: usize, columns: &[Column]) -> Expr {
        let schema = both_sides(&self.node(left).schema, &self.node(right).schema);
        let schema = schema.expect("the names of both sides differ");
        Expressions { prng: self.prng, schema: &schema, columns }.predicate()
    }

    /// A side of a join whose names differ from the other's, and where its keys are. A wide side
    /// is made narrower.
    fn side(&mut self, side: usize, other: usize, keys: &[usize]) -> (usize, Vec<usize>) {
        let schema = self.node(side).schema.clone();
        let other = self.node(other).schema.clone();
        let clash = schema.names().any(|name| other.index_of(name).is_some());
        if !clash && schema.len() <= SIDE_COLUMNS_MAX {
            return (side, keys.to_vec());
        }
        let mut kept: Vec<usize> = (0..schema.len()).filter(|at| !keys.contains(at)).collect();
        self.prng.shuffle(&mut kept);
        kept.truncate(SIDE_COLUMNS_MAX - keys.len());
        kept.extend(keys);
        self.prng.shuffle(&mut kept);
        let place = |key: &usize| kept.iter().position(|at| at == key).expect("keys are kept");
        let keys = keys.iter().map(place).collect();
        (self.project_to(side, &kept, Vec::new()), keys)
    }
}
