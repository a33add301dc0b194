//! One call of a window function: what its arguments say, and its canonical form.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    Interval as Written, ObjectName, ObjectNamePart, Value,
};

use super::{CUMULATE, HOP, Rewriter, SESSION, TUMBLE, WINDOW_END, WINDOW_START, folded};
use crate::dialect::interval::{self, Interval};
use crate::error::SqlError;

/// The kinds of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tumble,
    /// `time_bucket`: a tumble whose size comes first.
    Bucket,
    Hop,
    Session,
    Cumulate,
}

/// Which value of a window a function stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    Start,
    End,
}

impl Kind {
    /// The kind that a function of this name assigns.
    pub(super) fn of(name: &str) -> Option<Kind> {
        Some(match name {
            "tumble" => Kind::Tumble,
            "time_bucket" => Kind::Bucket,
            "hop" | "slide" => Kind::Hop,
            "session" => Kind::Session,
            "cumulate" => Kind::Cumulate,
            _ => return None,
        })
    }

    /// The kind and the edge of `tumble_start` and its like.
    pub(super) fn of_edge(name: &str) -> Option<(Kind, Edge)> {
        let (kind, edge) = match name.strip_suffix("_start") {
            Some(kind) => (kind, Edge::Start),
            None => (name.strip_suffix("_end")?, Edge::End),
        };
        Kind::of(kind).filter(|kind| *kind != Kind::Bucket).map(|kind| (kind, edge))
    }

    /// Whether a row lies in one window that its time alone tells.
    pub(super) fn is_scalar(self) -> bool {
        matches!(self, Kind::Tumble | Kind::Bucket)
    }

    /// How a call is written.
    pub(super) fn usage(self) -> &'static str {
        match self {
            Kind::Tumble => "tumble(ts, INTERVAL '1' MINUTE)",
            Kind::Bucket => "time_bucket('1m', ts)",
            Kind::Hop => "hop(ts, size => INTERVAL '1' HOUR, slide => INTERVAL '1' MINUTE)",
            Kind::Session => "session(ts, INTERVAL '30' SECOND)",
            Kind::Cumulate => "cumulate(ts, step => INTERVAL '1' HOUR, size => INTERVAL '1' DAY)",
        }
    }
}

impl Edge {
    pub(super) fn column(self) -> &'static str {
        match self {
            Edge::Start => "window_start",
            Edge::End => "window_end",
        }
    }

    /// The edge of the window that `call` assigns.
    pub(super) fn of_call(self, call: Expr) -> Expr {
        let name = match self {
            Edge::Start => WINDOW_START,
            Edge::End => WINDOW_END,
        };
        function(name, vec![call])
    }
}

/// The name of a function, in lower case unless it is quoted; `None` with a schema.
pub(super) fn name_of(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => Some(folded(name)),
        _ => None,
    }
}

/// A plain call.
pub(in crate::dialect) fn function(name: &str, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)));
    let args = FunctionArgumentList {
        duplicate_treatment: None,
        args: args.collect(),
        clauses: Vec::new(),
    };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(args),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// The literal of an interval in its one form.
pub(super) fn interval(interval: Interval) -> Expr {
    let value = Value::SingleQuotedString(interval.to_string());
    Expr::Interval(Written {
        value: Box::new(Expr::Value(value.with_empty_span())),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    })
}

/// Whether an expression is a call in canonical form.
pub(super) fn is_canonical(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    let name = name_of(function).unwrap_or_default();
    [TUMBLE, HOP, SESSION, CUMULATE].contains(&name.as_str())
}

/// The arguments of a window function: those by position, and those by name.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) positional: Vec<Expr>,
    named: Vec<(String, Expr)>,
}

impl Arguments {
    /// Takes the argument called `name`.
    pub(super) fn take(&mut self, names: &[&str]) -> Option<Expr> {
        let at = self.named.iter().position(|(name, _)| names.contains(&name.as_str()))?;
        Some(self.named.remove(at).1)
    }

    /// Takes the argument called `name`, or the next one by position.
    pub(super) fn next(&mut self, names: &[&str]) -> Option<Expr> {
        self.take(names)
            .or_else(|| (!self.positional.is_empty()).then(|| self.positional.remove(0)))
    }
}

/// The arguments of a call; `None` where one is a wildcard or a subquery without parentheses.
pub(super) fn arguments(args: &[FunctionArg]) -> Option<Arguments> {
    let mut found = Arguments::default();
    for arg in args {
        let (name, value) = match arg {
            FunctionArg::Named { name, arg, .. } => (Some(folded(name)), arg),
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg, .. } => {
                (Some(folded(name)), arg)
            }
            FunctionArg::ExprNamed { .. } => return None,
            FunctionArg::Unnamed(arg) => (None, arg),
        };
        let FunctionArgExpr::Expr(value) = value else { return None };
        match name {
            Some(name) => found.named.push((name, value.clone())),
            None if found.named.is_empty() => found.positional.push(value.clone()),
            None => return None,
        }
    }
    Some(found)
}

impl Rewriter<'_> {
    /// The canonical call of a window function in an expression.
    pub(super) fn canonical(&mut self, kind: Kind, function: &Function) -> Result<Expr, SqlError> {
        let whole = Expr::Function(function.clone());
        let plain = function.over.is_none()
            && function.filter.is_none()
            && function.within_group.is_empty();
        let list = match &function.args {
            FunctionArguments::List(list) if plain => arguments(&list.args),
            _ => None,
        };
        let mut args = list.ok_or_else(|| self.misused(kind, &whole))?;
        if kind == Kind::Bucket && args.positional.len() >= 2 {
            // The size comes first, and nobody is hurt where it does not.
            let first = interval::of_expr(&args.positional[0]);
            if first.is_ok_and(|interval| interval.is_some()) {
                args.positional.swap(0, 1);
            }
        }
        self.canonical_of(kind, args, &whole)
    }

    /// The canonical call of a kind with these arguments, of which the first is the time.
    pub(super) fn canonical_of(
        &mut self,
        kind: Kind,
        mut args: Arguments,
        whole: &Expr,
    ) -> Result<Expr, SqlError> {
        let time = args.next(&["ts", "time", "timecol"]);
        let time = time.ok_or_else(|| self.misused(kind, whole))?;
        let (name, sizes) = match kind {
            Kind::Tumble | Kind::Bucket => {
                (TUMBLE, vec![self.size(kind, &mut args, "size", whole)?])
            }
            Kind::Session => (SESSION, vec![self.size(kind, &mut args, "gap", whole)?]),
            Kind::Hop => {
                let (size, slide) = self.two(kind, &mut args, ["size", "slide"], whole)?;
                (HOP, vec![size, slide])
            }
            Kind::Cumulate => {
                let (size, step) = self.two(kind, &mut args, ["size", "step"], whole)?;
                (CUMULATE, vec![step, size])
            }
        };
        let mut canonical = vec![time];
        canonical.extend(sizes.into_iter().map(interval));
        if kind != Kind::Session {
            let offset = match args.next(&["offset"]) {
                Some(offset) => self.interval_of(&offset, "offset")?,
                None => Interval::default(),
            };
            canonical.push(interval(offset));
            canonical.push(match args.next(&["timezone", "tz", "time_zone"]) {
                Some(zone) => zone,
                None => Expr::Value(Value::Null.with_empty_span()),
            });
        }
        if !args.positional.is_empty() || !args.named.is_empty() {
            return Err(self.misused(kind, whole));
        }
        Ok(function(name, canonical))
    }

    /// The greater and the smaller of two sizes. By position they may come in either order.
    fn two(
        &mut self,
        kind: Kind,
        args: &mut Arguments,
        [size, part]: [&str; 2],
        whole: &Expr,
    ) -> Result<(Interval, Interval), SqlError> {
        let named = args.named.iter().any(|(name, _)| name == size || name == part);
        let first = if kind == Kind::Cumulate { part } else { size };
        let second = if kind == Kind::Cumulate { size } else { part };
        let first = self.size(kind, args, first, whole)?;
        let second = self.size(kind, args, second, whole)?;
        let (mut whole_size, mut small) =
            if kind == Kind::Cumulate { (second, first) } else { (first, second) };
        let less = match (whole_size.length_us(), small.length_us()) {
            (Some(size), Some(small)) => size < small,
            _ => whole_size.months < small.months,
        };
        if less && named {
            let message = format!("the {part} {small} is longer than the size {whole_size}");
            return Err(self.place(SqlError::invalid_parameter(message), whole));
        }
        if less {
            std::mem::swap(&mut whole_size, &mut small);
            let name = if kind == Kind::Cumulate { "cumulate" } else { "hop" };
            let message = format!(
                "{name}: the longer interval, {whole_size}, is the size, and the shorter, {small}, \
                 the {part}"
            );
            self.notice(message, kind.usage());
        }
        Ok((whole_size, small))
    }

    fn size(
        &self,
        kind: Kind,
        args: &mut Arguments,
        name: &str,
        whole: &Expr,
    ) -> Result<Interval, SqlError> {
        let names: &[&str] = match name {
            "slide" => &["slide", "hop"],
            "size" => &["size", "width"],
            _ => &[name],
        };
        let given = args.next(names).ok_or_else(|| self.misused(kind, whole))?;
        let interval = self.interval_of(&given, name)?;
        let parts = [i64::from(interval.months), i64::from(interval.days), interval.micros];
        if parts.iter().any(|part| *part < 0) || parts == [0; 3] {
            let message = format!("the {name} of a window must be positive, not {interval}");
            return Err(self.place(SqlError::invalid_parameter(message), &given));
        }
        Ok(interval)
    }

    fn interval_of(&self, expr: &Expr, name: &str) -> Result<Interval, SqlError> {
        let interval = interval::of_expr(expr).map_err(|error| self.place(error, expr))?;
        interval.ok_or_else(|| {
            let message = format!("the {name} of a window must be an interval, not {expr}");
            let hint = "Write it like INTERVAL '1' MINUTE.";
            self.place(SqlError::syntax(message).hint(hint), expr)
        })
    }

    fn misused(&self, kind: Kind, whole: &Expr) -> SqlError {
        let message = format!("{whole} is no window");
        self.place(
            SqlError::syntax(message).hint(format!("Write it like {}.", kind.usage())),
            whole,
        )
    }
}
