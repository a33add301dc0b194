//! Random results over the rows of partitions.

use sluicedb_sql::DataType;
use sluicedb_sql::plan::{Edge, Frame, Function, OrderBy, OverCall, OverFunction, OverSpec, Unit};

use super::draft::{Column, Domain, Draft};
use super::source::TICK_US;

/// Rows of a relation above which no results are put on it: those of all rows of a partition are
/// computed anew for each that comes.
const ROWS_MAX: usize = 2_000;

/// Rows that LAG looks back, and that frames have on either side.
const DISTANCE_MAX: usize = 4;

impl Draft<'_> {
    /// Results over the rows of a relation in which no value has two forms: which of two equal rows is
    /// first could be seen in them.
    pub(super) fn over(&mut self) {
        let input = self.pick();
        let types = self.types(input);
        let below = self.relations[input].clone();
        let mut columns = types.iter().zip(&below.columns);
        let twofold = |(&data_type, column): (&DataType, &Column)| {
            data_type == DataType::Double && !column.one_zero
        };
        if columns.any(twofold) || below.rows > ROWS_MAX {
            return self.aggregate();
        }
        let schema = self.node(input).schema.clone();
        let name = |at: usize| schema.field(at).name.clone();
        let mut places: Vec<usize> = (0..types.len()).collect();
        self.prng.shuffle(&mut places);
        let keys = self.prng.below(3).min(places.len());
        let ordered: Vec<usize> =
            places.iter().rev().copied().take(1 + self.prng.below(2)).collect();
        let by: Vec<OrderBy<String>> = ordered
            .iter()
            .map(|&at| OrderBy {
                column: name(at),
                descending: self.prng.chance(50),
                nulls_first: self.prng.chance(50),
            })
            .collect();
        let counted = match ordered[..] {
            [at] if matches!(types[at], DataType::Int | DataType::BigInt) => Some(1),
            [at] if types[at] == DataType::Timestamp => Some(TICK_US),
            _ => None,
        };
        let mut calls = Vec::new();
        let mut results = Vec::new();
        for _ in 0..1 + self.prng.below(3) {
            let argument = self.prng.below(types.len());
            let number =
                Column { distinct: 20, bits: None, one_zero: true, domain: Domain::Number };
            let (function, takes) = self.function(types[argument]);
            let same = matches!(
                function,
                OverFunction::Lag(_)
                    | OverFunction::FirstValue
                    | OverFunction::LastValue
                    | OverFunction::NthValue(_)
                    | OverFunction::Aggregate(Function::Min | Function::Max)
            );
            results.push(if same { below.columns[argument] } else { number });
            let frame = self.frame(counted);
            calls.push(OverCall {
                name: self.name(),
                function,
                argument: takes.then(|| name(argument)),
                default: None,
                filter: None,
                frame,
            });
        }
        let partition = places[..keys].iter().map(|&at| name(at)).collect();
        let spec = OverSpec { partition, by, calls };
        let id = self.builder.results_over(below.id, &spec).expect("drawn results are valid");
        let columns = [below.columns, results].concat();
        self.add(&[input], id, columns, below.rows);
    }

    /// A function, and whether it takes an argument.
    fn function(&mut self, argument: DataType) -> (OverFunction, bool) {
        let sums = matches!(argument, DataType::Int | DataType::BigInt);
        let some = 1 + self.prng.below(DISTANCE_MAX) as i64;
        match self.prng.below(14) {
            0 => (OverFunction::RowNumber, false),
            1 => (OverFunction::Rank, false),
            2 => (OverFunction::DenseRank, false),
            3 => (OverFunction::PercentRank, false),
            4 => (OverFunction::CumeDist, false),
            5 => (OverFunction::Ntile(some as u64), false),
            6 => (OverFunction::Lag(some), true),
            7 => (OverFunction::Lag(-some), true),
            8 => (OverFunction::FirstValue, true),
            9 => (OverFunction::LastValue, true),
            10 => (OverFunction::NthValue(some as u64), true),
            11 => (OverFunction::Aggregate(Function::CountRows), false),
            12 if sums => (OverFunction::Aggregate(Function::Sum), true),
            12 => (OverFunction::Aggregate(Function::Count), true),
            _ if self.prng.chance(50) => (OverFunction::Aggregate(Function::Min), true),
            _ => (OverFunction::Aggregate(Function::Max), true),
        }
    }

    /// A frame; differences are in units of `counted`, if they can be counted.
    fn frame(&mut self, counted: Option<i64>) -> Frame {
        let unit = *self.prng.pick(&[Unit::Rows, Unit::Rows, Unit::Range, Unit::Groups]);
        let distances = unit != Unit::Range || counted.is_some();
        let scale = if unit == Unit::Range { i128::from(counted.unwrap_or(1)) } else { 1 };
        let mut some = || i128::from(self.prng.below(DISTANCE_MAX) as u32) * scale;
        let (near, far) = (some(), some());
        let (near, far) = (near.min(far), near.max(far));
        let pairs = [
            (Edge::First, Edge::Current),
            (Edge::First, Edge::Last),
            (Edge::Current, Edge::Current),
            (Edge::Current, Edge::Last),
            (Edge::Before(far), Edge::Current),
            (Edge::Before(far), Edge::After(near)),
            (Edge::Before(far), Edge::Before(near)),
            (Edge::After(near), Edge::After(far)),
            (Edge::Current, Edge::After(far)),
            (Edge::First, Edge::Before(near)),
            (Edge::After(near), Edge::Last),
        ];
        let pairs = if distances { &pairs[..] } else { &pairs[..4] };
        let (start, end) = *self.prng.pick(pairs);
        Frame { unit, start, end }
    }
}
