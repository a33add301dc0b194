//! Expressions that fail for some rows. The rest of the query goes on without such rows, so the
//! other side leaves them out by a condition.

use sluicedb_sql::DataType;

use super::expr::Grammar;
use super::text::Pair;

/// An expression that fails.
pub(super) struct Fault {
    pub(super) pair: Pair,
    /// True of the rows for which it does not, as the other side says it.
    pub(super) fine: String,
    pub(super) data_type: DataType,
}

impl Grammar<'_> {
    pub(super) fn fault(&mut self) -> Fault {
        self.uses("rows that fail");
        let column = |input: Option<super::expr::Input>| input.map(|input| input.name);
        let int = column(self.input(|of| of == DataType::Int)).expect("id is one");
        let text = column(self.input(|of| of == DataType::Text)).expect("every relation has one");
        let double = column(self.input(|of| of == DataType::Double)).expect("so it has of these");
        let (ours, theirs, fine, data_type) = match self.prng.below(4) {
            0 => (
                format!("(1000 / {int})"),
                format!("(1000 / nullif({int}, 0))"),
                format!("{int} IS DISTINCT FROM 0"),
                DataType::Int,
            ),
            1 => (
                format!("({int} + 2147483600)"),
                format!("(CAST({int} AS BIGINT) + 2147483600)"),
                format!("({int} IS NULL OR {int} <= 47)"),
                DataType::Int,
            ),
            2 => (
                format!("CAST({text} AS INT)"),
                format!("TRY_CAST({text} AS INT)"),
                format!("({text} IS NULL OR TRY_CAST({text} AS INT) IS NOT NULL)"),
                DataType::Int,
            ),
            _ => (
                format!("sqrt({double})"),
                format!("sqrt(abs({double}))"),
                format!("({double} IS NULL OR {double} >= 0)"),
                DataType::Double,
            ),
        };
        Fault { pair: Pair::new(ours, theirs), fine, data_type }
    }
}
