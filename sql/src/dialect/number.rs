//! Numbers with an exponent as what they stand for: exact, as PostgreSQL has them, where a DECIMAL has
//! room for them, and a DOUBLE where none has.

use std::ops::ControlFlow;

use sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, Query, Value, ValueWithSpan, VisitMut, VisitorMut,
};

use crate::decimal::PRECISION_MAX;

/// Writes every number of the query without its exponent.
pub(super) fn rewrite(query: &mut Query) {
    let ControlFlow::Continue(()) = query.visit(&mut Numbers);
}

struct Numbers;

impl VisitorMut for Numbers {
    type Break = std::convert::Infallible;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if let Expr::Value(ValueWithSpan { value: Value::Number(text, _), span }) = &*expr
            && text.contains(['e', 'E'])
        {
            let value = |value| Expr::Value(ValueWithSpan { value, span: *span });
            let number = |digits| value(Value::Number(digits, false));
            *expr = match written_out(text) {
                Some(Written { digits, behind_point: 0, precision }) => {
                    let info = ExactNumberInfo::PrecisionAndScale(precision as u64, 0);
                    cast(number(digits), DataType::Decimal(info))
                }
                Some(Written { digits, .. }) => number(digits),
                None => {
                    let text = Value::SingleQuotedString(text.clone());
                    cast(value(text), DataType::DoublePrecision)
                }
            };
        }
        ControlFlow::Continue(())
    }
}

/// A number without exponent.
#[derive(Debug, PartialEq, Eq)]
struct Written {
    digits: String,
    behind_point: usize,
    precision: usize,
}

/// The number without its exponent, if a DECIMAL has room for it.
fn written_out(text: &str) -> Option<Written> {
    let text = text.replace('_', "");
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let behind_point = (fraction.len() as i64).checked_sub(exponent)?;
    let most = usize::from(PRECISION_MAX);
    let shift = usize::try_from(behind_point.unsigned_abs()).ok()?;
    if behind_point <= 0 {
        let digits = match digits {
            "" => "0".to_owned(),
            _ if shift > most => return None,
            digits => format!("{digits}{}", "0".repeat(shift)),
        };
        let precision = digits.len();
        return (precision <= most).then_some(Written { digits, behind_point: 0, precision });
    }
    let precision = digits.len().max(shift);
    if precision > most {
        return None;
    }
    let mut digits = format!("{digits:0>width$}", width = shift + 1);
    digits.insert(digits.len() - shift, '.');
    Some(Written { digits, behind_point: shift, precision })
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    let (kind, expr) = (CastKind::Cast, Box::new(expr));
    Expr::Cast { kind, expr, data_type, array: false, format: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_out_as_far_as_a_decimal_goes() {
        let out = |text| written_out(text).map(|written| written.digits);
        assert_eq!(out("1e3").as_deref(), Some("1000"));
        assert_eq!(out("1.50E1").as_deref(), Some("15.0"));
        assert_eq!(out("1.5e-7").as_deref(), Some("0.00000015"));
        assert_eq!(out("12.5e+1").as_deref(), Some("125"));
        assert_eq!(out("0e300").as_deref(), Some("0"));
        assert_eq!(out(".5e-1").as_deref(), Some("0.05"));
        assert_eq!(out("1e37").map(|digits| digits.len()), Some(38));
        assert_eq!(out("1e38"), None);
        assert_eq!(out("1e-39"), None);
        assert_eq!(out("1e99999999999999999999"), None);
    }
}
