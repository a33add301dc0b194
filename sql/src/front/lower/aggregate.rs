//! GROUP BY: keys, a window, and calls, over a projection that computes what they take.

use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{self, AggregateFunctionParams};
use datafusion::logical_expr::{Aggregate, Expr as Planned, SortExpr};

use super::relation::unique_names;
use super::{Lowering, Out, Relation};
use crate::SqlError;
use crate::expr::{Expr, Native};
use crate::front::functions::{self, WindowKind, custom_aggregate, of_plan, refuse_distinct};
use crate::front::literal;
use crate::plan::{
    AggregateFunction, AggregateSpec, Call, CustomCall, Emit, Function, Node, NodeId, Window,
};
use crate::schema::Schema;
use crate::types::DataType;
use crate::value::Value;
use crate::zone::Zone;

/// The columns that an aggregate takes, before it is known whether they must be computed.
#[derive(Default)]
struct Beneath {
    exprs: Vec<(String, Expr)>,
}

impl Beneath {
    /// The place of an expression over columns of `schema`, which is added unless it is there.
    fn add(&mut self, expr: Expr, schema: &Schema) -> usize {
        let known = self.exprs.iter().position(|(_, known)| *known == expr);
        known.unwrap_or_else(|| {
            self.exprs.push((expr.text(schema), expr));
            self.exprs.len() - 1
        })
    }

    /// The node to group, and the name of each column that was added.
    fn place(
        self,
        lowering: &mut Lowering<'_>,
        input: NodeId,
    ) -> Result<(NodeId, Vec<String>), SqlError> {
        let node = lowering.builder.node(input)?.clone();
        let plain = |(_, expr): &(String, Expr)| match expr {
            Expr::Column(column) => Some(node.schema.field(*column).name.clone()),
            _ => None,
        };
        if let Some(names) = self.exprs.iter().map(plain).collect::<Option<Vec<String>>>() {
            return Ok((input, names));
        }
        let mut exprs = self.exprs;
        let wanted = exprs.len();
        // Event time goes on; and whoever asks for late rows wants to see all of them.
        let shown = lowering.wishes.late_to.is_some();
        for (column, field) in node.schema.fields().iter().enumerate() {
            let has = exprs.iter().any(|(_, expr)| *expr == Expr::Column(column));
            if !has && (shown || node.time_of(column).is_some()) {
                exprs.push((field.name.clone(), Expr::Column(column)));
            }
        }
        let exprs = unique_names(exprs);
        let names = exprs[..wanted].iter().map(|(name, _)| name.clone()).collect();
        Ok((lowering.builder.project(input, exprs)?, names))
    }
}

/// A window over a column of [`Beneath`].
struct Grouping {
    window: Option<Window<usize>>,
    /// Positions of the keys.
    keys: Vec<usize>,
    /// By group expression of the planner: a key, by its place among the keys, or the window.
    places: Vec<Option<usize>>,
}

impl Lowering<'_> {
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate) -> Result<Relation, SqlError> {
        let input = self.relation(&aggregate.input)?;
        let schema = aggregate.input.schema();
        let mut beneath = Beneath::default();
        let grouping = self.grouping(&aggregate.group_expr, &input, schema, &mut beneath)?;
        let mut drafts = Vec::with_capacity(aggregate.aggr_expr.len());
        for expr in &aggregate.aggr_expr {
            drafts.push(self.call(expr, &input, schema, &mut beneath)?);
        }
        let late_columns = self.all_columns(input.node)?;
        let (node, names) = beneath.place(self, input.node)?;
        let place = |at: usize| names[at].clone();
        let calls = drafts.into_iter().map(|draft| Call {
            name: draft.text(place),
            function: draft.function,
            argument: draft.argument.map(place),
            second: draft.second.map(place),
            order: draft.order.map(place),
            descending: draft.descending,
            filter: draft.filter.map(place),
            custom: draft.custom.as_ref().map(|custom| custom.map(|at| place(*at))),
            distinct: draft.distinct,
            separator: draft.separator,
        });
        let windowed = grouping.window.is_some();
        let spec = AggregateSpec {
            window: grouping.window.map(|window| window.with_time(names[*window.time()].clone())),
            keys: grouping.keys.iter().map(|at| names[*at].clone()).collect(),
            calls: distinct_names(calls.collect(), &names),
            emit: if windowed { self.wishes.emit } else { Emit::Changes },
            allowed_lateness_us: if windowed { self.wishes.allowed_lateness_us } else { 0 },
        };
        let grouped = self.builder.aggregate(node, &spec)?;
        if windowed {
            self.windowed.push(grouped);
            self.late_columns.push(late_columns);
        }
        let ahead = if windowed { 2 } else { 0 };
        let place = |place: &Option<usize>| match place {
            Some(key) => Out::Column(ahead + key),
            None => Out::Window { start: 0, end: 1 },
        };
        let calls_from = ahead + grouping.keys.len();
        let columns = grouping.places.iter().map(place);
        let columns = columns.chain((0..spec.calls.len()).map(|at| Out::Column(calls_from + at)));
        Ok(Relation {
            node: grouped,
            columns: columns.collect(),
            key: Some((0..calls_from).collect()),
        })
    }

    fn schema_of(&self, input: &Relation) -> Result<&Schema, SqlError> {
        Ok(&self.builder.node(input.node)?.schema)
    }

    fn all_columns(&self, node: NodeId) -> Result<Vec<(String, Expr)>, SqlError> {
        let names = self.builder.node(node)?.schema.names().map(str::to_owned);
        Ok(names.map(|name| (name.clone(), Expr::col(name))).collect())
    }

    fn grouping(
        &mut self,
        exprs: &[Planned],
        input: &Relation,
        schema: &DFSchema,
        beneath: &mut Beneath,
    ) -> Result<Grouping, SqlError> {
        let (mut window, mut keys, mut places) = (None, Vec::new(), Vec::new());
        for expr in exprs {
            if let Planned::GroupingSet(_) = expr {
                return Err(SqlError::unsupported("GROUPING SETS in a continuous query")
                    .hint("Create one view for each set."));
            }
            if let Some((kind, args)) = super::expr::window_mark(expr) {
                if window.is_some() {
                    return Err(SqlError::unsupported("a group with two windows"));
                }
                window = Some(self.window(kind, args, input, schema, beneath)?);
                places.push(None);
                continue;
            }
            // A window of a query beneath is two keys; they lie beside each other.
            let found = match self.output(expr, input, schema)? {
                super::Output::Moved(Out::Window { .. }) => {
                    return Err(SqlError::unsupported("a window is no value to group by")
                        .hint("Group by window_start and window_end."));
                }
                super::Output::Moved(Out::Column(column)) => Expr::Column(column),
                super::Output::Computed(expr) => expr,
            };
            let at = beneath.add(found, self.schema_of(input)?);
            let known = keys.iter().position(|key| *key == at);
            places.push(Some(known.unwrap_or_else(|| {
                keys.push(at);
                keys.len() - 1
            })));
        }
        Ok(Grouping { window, keys, places })
    }

    fn window(
        &mut self,
        kind: WindowKind,
        args: &[Planned],
        input: &Relation,
        schema: &DFSchema,
        beneath: &mut Beneath,
    ) -> Result<Window<usize>, SqlError> {
        let Some((time, sizes)) = args.split_first() else {
            return Err(SqlError::syntax("a window takes a time column"));
        };
        let found = self.moment(time, input, schema)?;
        let time = beneath.add(found, self.schema_of(input)?);
        shape(kind, sizes, time)
    }

    /// A call over columns of `beneath`.
    fn call(
        &mut self,
        expr: &Planned,
        input: &Relation,
        schema: &DFSchema,
        beneath: &mut Beneath,
    ) -> Result<Call, SqlError> {
        let expr = if let Planned::Alias(alias) = expr { &*alias.expr } else { expr };
        let Planned::AggregateFunction(expr::AggregateFunction { func, params }) = expr else {
            return Err(SqlError::unsupported(format!("{expr} as an aggregate")));
        };
        let AggregateFunctionParams { args, distinct, filter, order_by, null_treatment: _ } =
            params;
        let name = func.name();
        let filter = match filter {
            Some(filter) => {
                let expr = self.expr(filter, input, schema)?;
                Some(beneath.add(expr, self.schema_of(input)?))
            }
            None => None,
        };
        let present = |arg: &Planned| matches!(arg, Planned::Literal(of, _) if !of.is_null());
        if name == "count" && !*distinct && args.iter().all(present) {
            return Ok(Call { filter, ..Call::new(name, Function::CountRows, None) });
        }
        if let Some(function) = custom_aggregate(func) {
            let custom = self.custom(function, params, input, schema, beneath)?;
            let call = Call::new(name, Function::Custom, None);
            return Ok(Call { filter, custom: Some(custom), ..call });
        }
        let function = of_plan(name, args)?;
        let mut columns = Vec::new();
        let wanted = if function.takes_two() { 2 } else { 1 };
        for arg in args.iter().take(wanted) {
            let expr = self.expr(arg, input, schema)?;
            columns.push(beneath.add(expr, self.schema_of(input)?));
        }
        let constants = usize::from(
            matches!(
                function,
                Function::StringAgg
                    | Function::PercentileCont(_)
                    | Function::PercentileDisc(_)
                    | Function::ApproxPercentile(_)
            ) && name != "median",
        );
        if args.len() != wanted + constants {
            let (found, wanted) = (args.len(), wanted + constants);
            return Err(SqlError::unknown_function(format!(
                "{name} takes {wanted} arguments and was given {found}"
            )));
        }
        let mut call = Call::new(name, function, columns.first().copied());
        call.second = columns.get(1).copied();
        call.filter = filter;
        // The least and the greatest of several are those of each once.
        call.distinct = *distinct && !matches!(function, Function::Min | Function::Max);
        match function {
            Function::First | Function::Last => {
                call.order = Some(self.order(name, order_by, input, schema, beneath)?);
            }
            Function::StringAgg | Function::ArrayAgg => {
                if function == Function::StringAgg {
                    call.separator = separator(&args[1])?;
                }
                if let Some(sort) = only(name, order_by)? {
                    let expr = self.expr(&sort.expr, input, schema)?;
                    call.order = Some(beneath.add(expr, self.schema_of(input)?));
                    call.descending = !sort.asc;
                }
            }
            // WITHIN GROUP (ORDER BY x) names the argument once more.
            _ => call.descending = order_by.first().is_some_and(|sort| !sort.asc),
        }
        Ok(call)
    }

    /// What a call of an aggregate of the application's takes.
    fn custom(
        &self,
        function: &AggregateFunction,
        params: &AggregateFunctionParams,
        input: &Relation,
        schema: &DFSchema,
        beneath: &mut Beneath,
    ) -> Result<CustomCall, SqlError> {
        if params.distinct {
            return Err(refuse_distinct(function));
        }
        if !params.order_by.is_empty() {
            return Err(SqlError::unsupported(format!("{} with ORDER BY", function.name))
                .hint("It takes rows as they come: give it what it orders them by."));
        }
        let mut args = Vec::with_capacity(params.args.len());
        for arg in &params.args {
            let expr = self.expr(arg, input, schema)?;
            args.push(beneath.add(expr, self.schema_of(input)?));
        }
        Ok(CustomCall { function: function.clone(), args })
    }

    /// By what FIRST and LAST tell rows apart: what is written, or event time.
    fn order(
        &mut self,
        function: &str,
        order_by: &[SortExpr],
        input: &Relation,
        schema: &DFSchema,
        beneath: &mut Beneath,
    ) -> Result<usize, SqlError> {
        if let [sort] = order_by {
            if !sort.asc {
                return Err(SqlError::unsupported(format!("{function} with ORDER BY .. DESC"))
                    .hint("FIRST with DESC is LAST, and LAST is FIRST."));
            }
            let expr = self.expr(&sort.expr, input, schema)?;
            let node = self.builder.node(input.node)?;
            return Ok(beneath.add(as_moment(expr, node), &node.schema));
        }
        let node = self.builder.node(input.node)?;
        let time = node.times.first().ok_or_else(|| {
            SqlError::invalid_parameter(format!("{function} needs to know which row is first"))
                .hint("Declare a watermark on the source, or write first(x ORDER BY ts).")
        })?;
        Ok(beneath.add(as_moment(Expr::Column(time.column), node), &node.schema))
    }
}

/// A column of event time as a TIMESTAMP, where it counts something; anything else as it is.
fn as_moment(expr: Expr, node: &Node) -> Expr {
    match expr {
        Expr::Column(column) if node.schema.field(column).data_type == DataType::BigInt => {
            let counts = node.time_of(column).map(|time| Native::of_count(time.unit));
            let expr = Expr::Column(column);
            counts.map_or(expr.clone(), |native| Expr::native(native, vec![expr]))
        }
        other => other,
    }
}

/// By what values are ordered, if by anything: one thing, NULLs as the greatest.
fn only<'a>(function: &str, order_by: &'a [SortExpr]) -> Result<Option<&'a SortExpr>, SqlError> {
    match order_by {
        [] => Ok(None),
        [sort] if sort.nulls_first != sort.asc => Ok(Some(sort)),
        [sort] => {
            let place = if sort.nulls_first { "FIRST" } else { "LAST" };
            let what = format!("{function} with NULLS {place} in this order");
            Err(SqlError::unsupported(what + " in a continuous query")
                .hint("NULLs come last, and first with DESC."))
        }
        several => {
            let what = format!("{function} by an order of {} expressions", several.len());
            Err(SqlError::unsupported(what + " in a continuous query")
                .hint("Order by one, or compute it when you read."))
        }
    }
}

/// What stands between the texts of STRING_AGG.
fn separator(expr: &Planned) -> Result<String, SqlError> {
    match expr {
        Planned::Literal(scalar, _) => functions::separator(Some(literal::value(scalar)?)),
        Planned::Cast(cast) => separator(&cast.expr),
        _ => functions::separator(None),
    }
}

/// Names of results that differ from each other and from those of the keys.
fn distinct_names(calls: Vec<Call<String>>, keys: &[String]) -> Vec<Call<String>> {
    let window = ["window_start".to_owned(), "window_end".to_owned()];
    let mut taken: Vec<String> = keys.iter().cloned().chain(window).collect();
    let rename = |mut call: Call<String>| {
        while taken.contains(&call.name) {
            call.name.push('\'');
        }
        call.name.truncate(call.name.floor_char_boundary(crate::limits::NAME_BYTES_MAX));
        taken.push(call.name.clone());
        call
    };
    calls.into_iter().map(rename).collect()
}

/// The window of a kind over a time column, with what its call says of sizes.
pub(in crate::front) fn shape<C>(
    kind: WindowKind,
    sizes: &[Planned],
    time: C,
) -> Result<Window<C>, SqlError> {
    let (zone, sizes) = match kind {
        WindowKind::Session => (None, sizes),
        _ => {
            let (last, sizes) = sizes.split_last().expect("the dialect writes a zone");
            (zone(last)?, sizes)
        }
    };
    let sizes = sizes.iter().map(span).collect::<Result<Vec<i64>, SqlError>>()?;
    let window = match (kind, sizes[..].as_ref()) {
        (WindowKind::Tumble, [size_us, offset_us]) => {
            Window::Tumble { time, size_us: *size_us, offset_us: *offset_us }
        }
        (WindowKind::Hop, [size_us, slide_us, offset_us]) => {
            Window::Hop { time, size_us: *size_us, slide_us: *slide_us, offset_us: *offset_us }
        }
        (WindowKind::Cumulate, [step_us, size_us, offset_us]) => {
            Window::Cumulate { time, step_us: *step_us, size_us: *size_us, offset_us: *offset_us }
        }
        (WindowKind::Session, [gap_us]) => Window::Session { time, gap_us: *gap_us },
        (kind, sizes) => {
            let message = format!("a {kind:?} window with {} spans", sizes.len());
            return Err(SqlError::unsupported(message));
        }
    };
    Ok(match zone {
        Some(zone) => window.in_zone(zone),
        None => window,
    })
}

/// The time zone whose clocks cut windows; UTC where none is said.
fn zone(expr: &Planned) -> Result<Option<Zone>, SqlError> {
    let found = match expr {
        Planned::Cast(cast) => return zone(&cast.expr),
        Planned::Literal(scalar, _) => Some(literal::value(scalar)?.0),
        _ => None,
    };
    match found {
        Some(Value::Null) => Ok(None),
        Some(Value::Text(name)) => Zone::named(&name).map(Some),
        _ => Err(SqlError::invalid_parameter(format!("{expr} is no constant time zone"))
            .hint("Write time_zone => 'Europe/Berlin'.")),
    }
}

/// A constant span of time in microseconds.
fn span(expr: &Planned) -> Result<i64, SqlError> {
    const DAY_US: i64 = 86_400_000_000;
    let refuse = || {
        SqlError::invalid_parameter(format!("{expr} is no constant span of time"))
            .hint("Write INTERVAL '5 minutes'.")
    };
    match expr {
        Planned::Literal(ScalarValue::IntervalMonthDayNano(Some(span)), _) => {
            if span.months != 0 {
                return Err(SqlError::unsupported("windows of months: their lengths differ")
                    .hint("Use days."));
            }
            if span.nanoseconds % 1000 != 0 {
                return Err(SqlError::out_of_range("a window shorter than a microsecond")
                    .hint("Times have microseconds."));
            }
            let days = i64::from(span.days).checked_mul(DAY_US);
            days.and_then(|days| days.checked_add(span.nanoseconds / 1000)).ok_or_else(refuse)
        }
        Planned::Cast(cast) => span(&cast.expr),
        Planned::Literal(scalar, _) => match literal::value(scalar)?.0 {
            Value::BigInt(us) => Ok(us),
            _ => Err(refuse()),
        },
        _ => Err(refuse()),
    }
}
