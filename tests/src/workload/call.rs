//! Random calls of functions.

use sluicedb_sql::DataType;
use sluicedb_sql::plan::{Call, Fraction, Function, Moment};

use super::SOURCE_ROWS;
use super::draft::{Column, Domain, Draft};
use super::exact::Bits;
use crate::prng::Prng;

/// Rows of an input whose values are put one behind the other, at most.
const LISTED_ROWS: usize = 2 * SOURCE_ROWS;

impl Draft<'_> {
    /// A call and what is known of its result. `few` says that there are few groups.
    pub(super) fn call(&mut self, input: usize, few: bool) -> (Call<String>, Column) {
        let name = self.name();
        let types = self.types(input);
        let function = match function(self.prng) {
            Function::ApproxDistinct if !few => Function::Count,
            function => function,
        };
        let moments: Vec<usize> =
            (0..types.len()).filter(|&at| types[at] == DataType::Timestamp).collect();
        let ordered = matches!(function, Function::First | Function::Last);
        let arguments = self.arguments(input, function);
        let possible = !arguments.is_empty() && (!ordered || !moments.is_empty());
        // Groups are of much the same size.
        let counted = Column { distinct: 2, ..Column::computed(None) };
        if function == Function::CountRows || !possible {
            let call = Call::count_rows(&name);
            return (self.filtered(input, call), counted);
        }
        let argument = *self.prng.pick(&arguments);
        let column = self.result(input, argument, function, counted);
        let schema = self.node(input).schema.clone();
        let column_name = |at: usize| schema.field(at).name.clone();
        let mut call = Call::of(&name, function, &column_name(argument));
        if let Function::Moment(moment) = function
            && moment.takes_two()
        {
            let second = column_name(*self.prng.pick(&arguments));
            call = Call::of_two(&name, moment, &column_name(argument), &second);
        }
        if ordered {
            call = call.ordered(&column_name(*self.prng.pick(&moments)));
        } else if function == Function::StringAgg {
            let fixed: Vec<usize> =
                (0..types.len()).filter(|&at| types[at] != DataType::Text).collect();
            call = call.separator(self.prng.pick::<&str>(&["", ",", " and "]));
            call = match self.prng.below(4) {
                0 if !fixed.is_empty() => call.ordered(&column_name(*self.prng.pick(&fixed))),
                1 => call.ordered(&column_name(argument)),
                2 => call.distinct(),
                _ => call,
            };
        } else if takes_distinct(function) && self.prng.chance(30) {
            call = call.distinct();
        }
        let ranked = matches!(function, Function::PercentileCont(_) | Function::PercentileDisc(_));
        if (ranked || call.order.is_some() && !ordered) && self.prng.chance(30) {
            call = call.descending();
        }
        (self.filtered(input, call), column)
    }

    /// The columns that a function takes.
    fn arguments(&self, input: usize, function: Function) -> Vec<usize> {
        let types = self.types(input);
        let relation = &self.relations[input];
        let exact = |at: usize| relation.columns[at].bits.and_then(Bits::summed).is_some();
        let takes = |at: usize| match (function, types[at]) {
            (Function::Sum | Function::Avg | Function::Moment(_), DataType::Double) => exact(at),
            // Over input that never retracts sums keep 159 bits: a cent beside 10^36 needs more.
            (Function::Moment(_), DataType::Decimal { .. }) => self.node(input).retracts,
            (Function::BoolAnd | Function::BoolOr, data_type) => data_type == DataType::Boolean,
            (Function::StringAgg, data_type) => {
                let key = matches!(relation.columns[at].domain, Domain::Key { .. });
                data_type == DataType::Text && key && relation.rows <= LISTED_ROWS
            }
            (Function::Sum | Function::Avg | Function::Moment(_), number)
            | (Function::PercentileCont(_) | Function::ApproxPercentile(_), number) => {
                number.is_numeric()
            }
            _ => true,
        };
        (0..types.len()).filter(|&at| takes(at)).collect()
    }

    /// What is known of the result.
    fn result(&self, input: usize, argument: usize, function: Function, counted: Column) -> Column {
        let of = self.relations[input].columns[argument];
        match function {
            Function::Count | Function::ApproxDistinct => counted,
            Function::Sum | Function::Avg => {
                let sum = function == Function::Sum;
                let computed =
                    Column::computed(if sum { of.bits.and_then(Bits::summed) } else { None });
                Column { distinct: computed.distinct.min(of.distinct), ..computed }
            }
            Function::BoolAnd | Function::BoolOr => {
                Column { distinct: 2, ..Column::computed(None) }
            }
            Function::Moment(_)
            | Function::PercentileCont(_)
            | Function::ApproxPercentile(_)
            | Function::StringAgg => Column::computed(None),
            _ => of,
        }
    }

    /// The call of some rows only, if there is a column that says which.
    fn filtered(&mut self, input: usize, call: Call<String>) -> Call<String> {
        let schema = self.node(input).schema.clone();
        let truths = schema.fields().iter().filter(|field| field.data_type == DataType::Boolean);
        let truths: Vec<_> = truths.collect();
        if truths.is_empty() || !self.prng.chance(30) {
            return call;
        }
        call.filter(&self.prng.pick(&truths).name)
    }
}

fn takes_distinct(function: Function) -> bool {
    match function {
        Function::Count | Function::Sum | Function::Avg | Function::Min | Function::Max => true,
        Function::Moment(moment) => !moment.takes_two(),
        _ => false,
    }
}

fn function(prng: &mut Prng) -> Function {
    let part = Fraction::new(*prng.pick(&[0.0, 0.25, 0.5, 0.9, 1.0])).expect("a part of a whole");
    let moment = *prng.pick(&[
        Moment::VarSamp,
        Moment::VarPop,
        Moment::StddevSamp,
        Moment::StddevPop,
        Moment::CovarSamp,
        Moment::CovarPop,
        Moment::Corr,
        Moment::RegrSlope,
        Moment::RegrIntercept,
        Moment::RegrR2,
    ]);
    *prng.pick(&[
        Function::CountRows,
        Function::Count,
        Function::Count,
        Function::Sum,
        Function::Sum,
        Function::Min,
        Function::Max,
        Function::Avg,
        Function::First,
        Function::Last,
        Function::BoolAnd,
        Function::BoolOr,
        Function::Moment(moment),
        Function::Moment(moment),
        Function::PercentileCont(part),
        Function::PercentileDisc(part),
        Function::Mode,
        Function::ApproxPercentile(part),
        Function::ApproxDistinct,
        Function::StringAgg,
    ])
}
