//! The first rows of each partition, by sorting all rows.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sluicedb_sql::Value;
use sluicedb_sql::plan::{OrderBy, Ranking};

use super::Row;

/// What numbers rows, and which numbers are put out.
pub(super) struct Top<'a> {
    pub(super) partition: &'a [usize],
    pub(super) by: &'a [OrderBy],
    pub(super) ranking: Ranking,
    pub(super) numbers: std::ops::RangeInclusive<u64>,
    pub(super) numbered: bool,
    /// Whether rows that the order leaves alike follow as they came.
    pub(super) as_they_came: bool,
}

impl Top<'_> {
    pub(super) fn rows(&self, rows: &[Row]) -> Vec<Row> {
        let mut partitions: BTreeMap<Vec<Value>, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            let key = self.partition.iter().map(|&column| row.values[column].clone());
            partitions.entry(key.collect()).or_default().push(row);
        }
        partitions.into_values().flat_map(|rows| self.first(rows)).collect()
    }

    fn first(&self, mut rows: Vec<&Row>) -> Vec<Row> {
        let tie = |row: &Row| if self.as_they_came { row.tie } else { 0 };
        rows.sort_by(|left, right| {
            let by_tie = || tie(left).cmp(&tie(right));
            order(self.by, left, right)
                .then_with(by_tie)
                .then_with(|| left.values.cmp(&right.values))
        });
        let (mut rank, mut dense) = (0, 0);
        let mut out = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let place = at as u64 + 1;
            if at == 0 || order(self.by, rows[at - 1], row).is_ne() {
                (rank, dense) = (place, dense + 1);
            }
            let number = match self.ranking {
                Ranking::RowNumber => place,
                Ranking::Rank => rank,
                Ranking::DenseRank => dense,
            };
            if self.numbers.contains(&number) {
                let mut values = row.values.clone();
                values.extend(self.numbered.then_some(Value::BigInt(number as i64)));
                out.push(Row { values, tie: 0, behind: i64::MIN });
            }
        }
        out
    }
}

/// How the query orders two rows.
pub(super) fn order(by: &[OrderBy], left: &Row, right: &Row) -> Ordering {
    let one = |by: &OrderBy| {
        let (left, right) = (&left.values[by.column], &right.values[by.column]);
        match (left.is_null(), right.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if by.nulls_first => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if by.nulls_first => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) if by.descending => right.cmp(left),
            (false, false) => left.cmp(right),
        }
    };
    by.iter().map(one).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
