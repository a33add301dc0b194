//! Random first rows of partitions.

use sluicedb_sql::DataType;
use sluicedb_sql::plan::{OrderBy, Ranking, TopSpec};

use super::draft::{Column, Domain, Draft};

/// First rows of a partition.
const LAST_MAX: usize = 6;

impl Draft<'_> {
    /// The first rows of each partition of a relation in which no value has two forms: which of two
    /// equal rows is first could be seen in them.
    pub(super) fn top(&mut self) {
        let input = self.pick();
        let types = self.types(input);
        let below = self.relations[input].clone();
        let mut columns = types.iter().zip(&below.columns);
        if columns.any(|(&data_type, column)| data_type == DataType::Double && !column.one_zero) {
            return self.aggregate();
        }
        let schema = self.node(input).schema.clone();
        let name = |at: usize| schema.field(at).name.clone();
        let mut places: Vec<usize> = (0..types.len()).collect();
        self.prng.shuffle(&mut places);
        let keys = self.prng.below(3).min(places.len());
        let by = 1 + self.prng.below(2);
        let by = places.iter().rev().take(by).map(|&at| OrderBy {
            column: name(at),
            descending: self.prng.chance(50),
            nulls_first: self.prng.chance(50),
        });
        let by = by.collect();
        let ranking = [Ranking::RowNumber, Ranking::RowNumber, Ranking::Rank, Ranking::DenseRank];
        let ranking = *self.prng.pick(&ranking);
        let first = if self.prng.chance(20) { 2 } else { 1 };
        let last = first + self.prng.below(LAST_MAX);
        let number = self.prng.chance(50).then(|| self.name());
        let numbered = number.is_some();
        let spec = TopSpec {
            partition: places[..keys].iter().map(|&at| name(at)).collect(),
            by,
            ranking,
            first: first as u64,
            last: last as u64,
            number,
        };
        let id = self.builder.top(below.id, &spec).expect("drawn first rows are valid");
        let mut columns = below.columns;
        columns.extend(numbered.then_some(Column {
            distinct: last,
            bits: None,
            one_zero: true,
            domain: Domain::Number,
        }));
        self.add(&[input], id, columns, below.rows);
    }
}
