//! Files where a relation stands: `FROM 'a.csv'`, `FROM file:///a.csv`, and, to say more of one,
//! `FROM FILE ('a.csv', header = false)`.

use std::ops::ControlFlow;
use std::path::Path;

use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, Spanned,
    TableAlias, TableFactor, Value, ValueWithSpan, VisitMut, VisitorMut,
};

use super::options::{OptionEntry, OptionValue, Options};
use super::source::folded;
use super::syntax::{Connector, ConnectorKind};
use super::token::{EXTERNAL, offset_of};
use crate::error::SqlError;

/// Puts a name in the place of each file that `query`, which was read from `text`, reads. `give`
/// says which, and hears what the file is called there.
pub(crate) fn take(
    query: &mut Query,
    text: &str,
    give: &mut dyn FnMut(&str, Connector) -> Result<String, SqlError>,
) -> Result<(), SqlError> {
    match query.visit(&mut Taker { text, give }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

struct Taker<'a> {
    text: &'a str,
    give: &'a mut dyn FnMut(&str, Connector) -> Result<String, SqlError>,
}

impl VisitorMut for Taker<'_> {
    type Break = Box<SqlError>;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        match self.factor(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }
}

impl Taker<'_> {
    fn factor(&mut self, factor: &mut TableFactor) -> Result<(), SqlError> {
        let TableFactor::Table { name, args, alias, .. } = factor else { return Ok(()) };
        let [part] = name.0.as_slice() else { return Ok(()) };
        let (Some(word), Some(given)) = (part.as_ident(), args.as_ref()) else { return Ok(()) };
        let is_address = word.value == EXTERNAL;
        if !is_address && folded(word) != "file" {
            return Ok(());
        }
        let at = offset_of(self.text, word.span.start);
        let options = self.options(&given.args, at)?;
        let path = options.entries.iter().find(|entry| entry.key == "path");
        let path = match path.map(|entry| &entry.value) {
            Some(OptionValue::Text(path)) => path.clone(),
            _ => {
                let error = SqlError::syntax("FILE in FROM needs the path of a file");
                return Err(error.hint("Write it like FROM FILE ('trades.csv').").at(at));
            }
        };
        check_scheme(&path).map_err(|error| error.at(at))?;
        let connector = Connector { kind: ConnectorKind::File, options, at };
        let label = if is_address { path.clone() } else { connector.to_string() };
        let given = (self.give)(&label, connector)?;
        *name = ObjectName::from(vec![Ident::with_quote('"', given)]);
        *args = None;
        let unpacked = path.strip_suffix(".gz").unwrap_or(&path);
        let stem = Path::new(unpacked).file_stem().and_then(|stem| stem.to_str());
        if let (None, Some(stem)) = (&alias, stem) {
            // Its columns can be named by the file: trades.price of 'data/trades.csv'.
            let name = Ident::with_quote('"', stem);
            *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
        }
        Ok(())
    }

    fn options(&self, args: &[FunctionArg], at: usize) -> Result<Options, SqlError> {
        let mut options = Options::default();
        for (number, arg) in args.iter().enumerate() {
            let (key, expr) = match arg {
                FunctionArg::Named { name, arg: FunctionArgExpr::Expr(expr), .. } => {
                    (folded(name), expr)
                }
                FunctionArg::ExprNamed {
                    name: Expr::Identifier(name),
                    arg: FunctionArgExpr::Expr(expr),
                    ..
                } => (folded(name), expr),
                FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp {
                    left,
                    op: BinaryOperator::Eq,
                    right,
                })) => match &**left {
                    Expr::Identifier(name) => (folded(name), &**right),
                    _ => return Err(wrong(at)),
                },
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) if number == 0 => {
                    ("path".to_owned(), expr)
                }
                _ => return Err(wrong(at)),
            };
            let start = expr.span().start;
            let value_at = if start.line == 0 { at } else { offset_of(self.text, start) };
            let value = value_of(expr).ok_or_else(|| wrong(value_at))?;
            options.entries.push(OptionEntry { key, value, at: value_at, value_at });
        }
        Ok(options)
    }
}

fn value_of(expr: &Expr) -> Option<OptionValue> {
    match expr {
        Expr::Value(ValueWithSpan { value, .. }) => match value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
                Some(OptionValue::Text(text.clone()))
            }
            Value::Number(digits, _) => Some(OptionValue::Number(digits.clone())),
            Value::Boolean(value) => Some(OptionValue::Boolean(*value)),
            _ => None,
        },
        Expr::Identifier(word) => Some(OptionValue::Word(folded(word))),
        Expr::Interval(_) => {
            let interval = super::interval::of_expr(expr).ok().flatten()?;
            Some(OptionValue::Interval(interval))
        }
        _ => None,
    }
}

fn wrong(at: usize) -> SqlError {
    SqlError::syntax("FILE in FROM takes a path and options")
        .hint("Write it like FROM FILE ('trades.txt', format = 'csv', header = false).")
        .at(at)
}

/// Only what lies in files can be read as a relation without being created first.
fn check_scheme(path: &str) -> Result<(), SqlError> {
    let Some((scheme, _)) = path.split_once("://") else { return Ok(()) };
    if scheme.eq_ignore_ascii_case("file") {
        return Ok(());
    }
    Err(SqlError::unsupported(format!("{scheme}:// where a relation stands"))
        .hint("Only file:// and paths can stand there. Create a source of anything else."))
}
