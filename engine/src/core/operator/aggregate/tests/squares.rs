//! An aggregate as an application writes one.

use std::sync::Arc;

use sluicedb_sql::plan::{AggregateBody, AggregateFunction, Arguments, Call, CustomCall, Function};
use sluicedb_sql::{DataType, Value};

use super::{Delta, decimal};

/// The sum of the squares of an INT, which is easily too large for its type.
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
        Value::Decimal { units: state.map_or(0, sum), scale: 0 }
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
    let square = |delta: &&Delta| match delta.values[argument] {
        Value::Int(number) => i128::from(number).pow(2) * i128::from(delta.weight),
        _ => 0,
    };
    let units = deltas.iter().map(square).sum();
    decimal::fits(units, 3).then_some(Value::Decimal { units, scale: 0 })
}
