//! An aggregate as an application writes one.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicedb_sql::plan::{AggregateBody, AggregateFunction, Arguments, Call, CustomCall, Function};
use sluicedb_sql::{DataType, Value};

use super::{Delta, decimal};

/// The sum of the squares of an INT, which is easily too large for its type; NULL of none, so that it
/// shows whether a state is known to be of no rows.
struct Squares {
    retracts: bool,
}

const RESULT: DataType = DataType::Decimal { precision: 3, scale: 0 };

impl AggregateBody for Squares {
    fn state_bytes(&self) -> usize {
        size_of::<i128>()
    }

    fn retracts(&self) -> bool {
        self.retracts
    }

    fn takes(&self, args: Arguments<'_>) -> bool {
        !args.column(0).is_null(args.row())
    }

    fn update(&self, state: &mut [u8], fresh: bool, args: Arguments<'_>, weight: i64) {
        let before = if fresh { 0 } else { sum(state) };
        let number = i128::from(args.column(0).i32s()[args.row()]);
        state.copy_from_slice(&(before + number * number * i128::from(weight)).to_le_bytes());
    }

    fn merge(&self, into: &mut [u8], from: &[u8]) {
        let both = sum(into) + sum(from);
        into.copy_from_slice(&both.to_le_bytes());
    }

    fn finish(&self, state: Option<&[u8]>) -> Value {
        state.map_or(Value::Null, |state| Value::Decimal { units: sum(state), scale: 0 })
    }
}

fn sum(state: &[u8]) -> i128 {
    i128::from_le_bytes(state.try_into().unwrap())
}

/// A call of it over column `argument`.
pub(super) fn call(argument: usize, retracts: bool) -> Call {
    let function = AggregateFunction {
        name: "squares".into(),
        args: vec![DataType::Int],
        result: RESULT,
        body: Arc::new(Squares { retracts }),
    };
    let custom = Some(CustomCall { function, args: vec![argument] });
    Call { custom, ..Call::new("", Function::Custom, None) }
}

/// What it gives for these rows.
pub(super) fn result(argument: usize, deltas: &[&Delta]) -> Option<Value> {
    let mut numbers: BTreeMap<i32, i64> = BTreeMap::new();
    for delta in deltas {
        if let Value::Int(number) = delta.values[argument] {
            *numbers.entry(number).or_default() += delta.weight;
        }
    }
    numbers.retain(|_, count| *count != 0);
    if numbers.is_empty() {
        return Some(Value::Null);
    }
    let square = |(number, count): (&i32, &i64)| i128::from(*number).pow(2) * i128::from(*count);
    let units = numbers.iter().map(square).sum();
    decimal::fits(units, 3).then_some(Value::Decimal { units, scale: 0 })
}
