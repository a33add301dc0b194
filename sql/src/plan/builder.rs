//! The one way to a plan: each call checks one node and derives what is known of its rows.

use crate::error::SqlError;
use crate::expr::{Expr, Function};
use crate::limits::PLAN_NODES_MAX;
use crate::plan::aggregate::{AggregateSpec, Call, Emit, check_timestamp, window_times};
use crate::plan::{EventTime, Node, NodeId, Op, Plan, Retain, SourceTime, Window};
use crate::schema::{Field, Schema, check_name};
use crate::time_unit::TimeUnit;
use crate::types::DataType;

/// Puts a plan together, inputs first. Columns are named; ids are those of the plan.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    plan: Plan,
    /// Nodes below this were there before, and only those with a name may be read.
    base: u32,
}

impl Builder {
    /// A plan without nodes.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Goes on from a plan, whose sources, views and streams can be read. What else is in there
    /// belongs to the statements that made it.
    pub fn over(plan: &Plan) -> Builder {
        Builder { plan: plan.clone(), base: plan.next }
    }

    /// Rows from outside. `time` is the event-time column, if any, and how far the watermark stays
    /// behind it, in microseconds.
    pub fn source(
        &mut self,
        name: &str,
        schema: Schema,
        time: Option<(&str, i64)>,
    ) -> Result<NodeId, SqlError> {
        let time = time.map(|(column, delay_us)| SourceTime::of(column, delay_us));
        self.source_with(name, schema, time)
    }

    /// Rows from outside, with all that can be said of their event time.
    pub fn source_with(
        &mut self,
        name: &str,
        schema: Schema,
        time: Option<SourceTime<&str>>,
    ) -> Result<NodeId, SqlError> {
        self.check_relation(name)?;
        let time = time.map(|time| time.resolve(&schema)).transpose()?;
        // The watermark is by definition what the source's own column does not fall below.
        let of = |time: &SourceTime| EventTime { column: time.column, unit: time.unit, lag_us: 0 };
        let times = time.iter().map(of).collect();
        let op = Op::Source { name: name.into(), time, retain: None };
        self.push(Node { op, schema, times, retracts: false })
    }

    /// Has a source keep its latest rows: they can be read, and who comes to the source later is
    /// first given them. Only for a source that this builder has made.
    pub fn retain(&mut self, source: NodeId, retain: Retain) -> Result<(), SqlError> {
        self.node(source)?;
        let at = self.plan.position(source).filter(|_| source.0 >= self.base);
        let Some(Op::Source { time, retain: kept, .. }) = at.map(|at| &mut self.plan.nodes[at].op)
        else {
            let what = "rows can only be retained by a source that is being made";
            return Err(SqlError::invalid_parameter(what));
        };
        retain.check(time.is_some())?;
        *kept = Some(retain);
        Ok(())
    }

    /// The rows for which `predicate` is true.
    pub fn filter(&mut self, input: NodeId, predicate: &Expr) -> Result<NodeId, SqlError> {
        let Node { schema, times, retracts, .. } = self.node(input)?.clone();
        let predicate = predicate.bind(&schema)?;
        let data_type = predicate.data_type(&schema)?;
        if data_type != DataType::Boolean {
            return Err(SqlError::datatype_mismatch(format!(
                "a filter takes BOOLEAN, and {} is {data_type}",
                predicate.text(&schema)
            )));
        }
        self.push(Node { op: Op::Filter { input, predicate }, schema, times, retracts })
    }

    /// One row a row. Event time survives in columns that are passed through as they are, and where
    /// a BIGINT one becomes a timestamp.
    pub fn project(
        &mut self,
        input: NodeId,
        outputs: Vec<(String, Expr)>,
    ) -> Result<NodeId, SqlError> {
        let node = self.node(input)?;
        let (mut bound, mut fields, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for (column, (name, expr)) in outputs.into_iter().enumerate() {
            let expr = expr.bind(&node.schema)?;
            let data_type = expr.data_type(&node.schema)?;
            let nullable = expr.nullable(&node.schema);
            times.extend(time_through(&expr, node).map(|time| EventTime { column, ..time }));
            fields.push(Field { name: name.clone(), data_type, nullable });
            bound.push((name, expr));
        }
        let retracts = node.retracts;
        let op = Op::Project { input, outputs: bound };
        self.push(Node { op, schema: Schema::new(fields)?, times, retracts })
    }

    /// One row a group.
    pub fn aggregate(&mut self, input: NodeId, spec: &AggregateSpec) -> Result<NodeId, SqlError> {
        // No `..`: a part of the specification that nothing reads does not compile.
        let AggregateSpec { window, keys, calls, emit, allowed_lateness_us } = spec;
        let node = self.node(input)?;
        let window = match window {
            Some(window) => Some(window.with_time(node.schema.resolve(window.time())?)),
            None => None,
        };
        self.check_time(input, window.as_ref(), *emit, *allowed_lateness_us)?;
        let keys = resolve(keys, &node.schema)?;
        let calls: Result<Vec<Call>, SqlError> =
            calls.iter().map(|call| call.resolve(&node.schema)).collect();
        let calls = calls?;
        for custom in calls.iter().filter_map(|call| call.custom.as_ref()) {
            custom.function.check_input(node.retracts)?;
        }
        let schema = aggregate_schema(&node.schema, window.as_ref(), &keys, &calls)?;
        let times = match &window {
            Some(window) => window_times(node, window, *allowed_lateness_us)?,
            // A group without window may change at any time.
            None => Vec::new(),
        };
        let retracts = match emit {
            Emit::Changes => true,
            // A closed window puts out its rows once; retractions that reach it before are
            // settled in its state, and those after it are refused as late. Only a correction
            // takes back a row.
            Emit::OnClose => *allowed_lateness_us > 0,
        };
        let (emit, allowed_lateness_us) = (*emit, *allowed_lateness_us);
        let op = Op::Aggregate { input, window, keys, calls, emit, allowed_lateness_us };
        self.push(Node { op, schema, times, retracts })
    }

    /// The rows that `aggregate` refused as late. They are behind every watermark, so that event
    /// time ends here.
    pub fn late(&mut self, aggregate: NodeId) -> Result<NodeId, SqlError> {
        let node = self.node(aggregate)?;
        let Op::Aggregate { input, .. } = &node.op else {
            return Err(SqlError::invalid_parameter("only an aggregate refuses rows as late"));
        };
        if node.times.is_empty() {
            return Err(SqlError::invalid_parameter(
                "this aggregate refuses no rows: it has no window over an event-time column",
            )
            .hint("Declare a watermark on the source."));
        }
        let Node { schema, retracts, .. } = self.node(*input)?.clone();
        self.push(Node { op: Op::Late { aggregate }, schema, times: Vec::new(), retracts })
    }

    /// Keeps the present rows under a name, found by `key`, or by the whole row if that is empty.
    pub fn view(&mut self, input: NodeId, name: &str, key: &[&str]) -> Result<NodeId, SqlError> {
        self.check_relation(name)?;
        let Node { schema, times, retracts, .. } = self.node(input)?.clone();
        let key = resolve(key, &schema)?;
        let op = Op::View { input, name: name.into(), key };
        self.push(Node { op, schema, times, retracts })
    }

    /// Publishes the changes of a relation under a name; nothing is kept that could be read.
    pub fn stream(&mut self, input: NodeId, name: &str) -> Result<NodeId, SqlError> {
        self.check_relation(name)?;
        let Node { schema, times, retracts, .. } = self.node(input)?.clone();
        self.push(Node { op: Op::Stream { input, name: name.into() }, schema, times, retracts })
    }

    /// What is known of node `id` so far.
    pub fn node(&self, id: NodeId) -> Result<&Node, SqlError> {
        let error = || SqlError::invalid_parameter(format!("the plan has no node {}", id.0));
        self.plan.position(id).map(|at| &self.plan.nodes[at]).ok_or_else(error)
    }

    /// The plan. A plan without nodes computes nothing and is refused; [`Plan::empty`] is one.
    pub fn finish(self) -> Result<Plan, SqlError> {
        if self.plan.nodes.is_empty() {
            return Err(SqlError::invalid_parameter("the plan has no nodes"));
        }
        Ok(self.plan)
    }

    /// Checks the window, and that what depends on a watermark has one.
    fn check_time(
        &self,
        from: NodeId,
        window: Option<&Window>,
        emit: Emit,
        lateness_us: i64,
    ) -> Result<(), SqlError> {
        let input = self.node(from)?;
        if lateness_us < 0 {
            return Err(SqlError::invalid_parameter(format!(
                "the allowed lateness is {lateness_us} us: it must not be below 0"
            )));
        }
        if let Some(window) = window {
            window.check()?;
            check_timestamp(input.schema.field(*window.time()), "the time of a window")?;
        }
        let reason = match window {
            None => "groups without a window never close".to_owned(),
            Some(window) if input.time_of(*window.time()).is_none() => {
                format!("windows never close: {}", self.why_untimed(from, *window.time()))
            }
            Some(_) => return Ok(()),
        };
        let hint = "Declare a watermark on the source, and pass its time column on unchanged.";
        if emit == Emit::OnClose {
            return Err(SqlError::unsupported(format!("EMIT ON WINDOW CLOSE: {reason}")).hint(hint));
        }
        if lateness_us > 0 {
            return Err(
                SqlError::invalid_parameter(format!("allowed lateness: {reason}")).hint(hint)
            );
        }
        Ok(())
    }

    pub(super) fn push(&mut self, node: Node) -> Result<NodeId, SqlError> {
        let nodes = self.plan.nodes.len();
        if nodes >= PLAN_NODES_MAX {
            return Err(SqlError::limit_exceeded("nodes of a plan", nodes + 1, PLAN_NODES_MAX));
        }
        for input in node.op.inputs() {
            let read = self.node(input)?;
            if input.0 < self.base && read.op.name().is_none() {
                let what = format!("node {} of the plan is part of another statement", input.0);
                return Err(
                    SqlError::invalid_parameter(what).hint("Read a source, a view or a stream.")
                );
            }
        }
        assert!(node.times.iter().all(|time| time.column < node.schema.len()));
        let id = self.plan.next_id();
        let next = id.0.checked_add(1);
        self.plan.next = next.expect("a plan with a change each second fills u32 in a century");
        self.plan.nodes.push(node);
        self.plan.ids.push(id);
        Ok(id)
    }

    fn check_relation(&self, wanted: &str) -> Result<(), SqlError> {
        check_name("relation", wanted)?;
        let taken = self.plan.nodes.iter().any(|node| node.op.name() == Some(wanted));
        if taken { Err(SqlError::duplicate_relation(wanted)) } else { Ok(()) }
    }
}

/// The event time of an expression over a node, if it keeps the order of a column that has one.
fn time_through(expr: &Expr, node: &Node) -> Option<EventTime> {
    match expr {
        Expr::Column(column) => node.time_of(*column),
        Expr::Call { function: Function::Native(native), args } => {
            let [Expr::Column(column)] = args[..] else { return None };
            let unit = native.counts()?;
            let time = node.time_of(column).filter(|time| time.unit == unit)?;
            Some(EventTime { unit: TimeUnit::Micros, ..time })
        }
        _ => None,
    }
}

/// Positions of columns, each at most once.
pub(super) fn resolve(names: &[impl AsRef<str>], schema: &Schema) -> Result<Vec<usize>, SqlError> {
    let mut positions = Vec::with_capacity(names.len());
    for name in names {
        let position = schema.resolve(name.as_ref())?;
        if positions.contains(&position) {
            return Err(SqlError::duplicate_column(name.as_ref()));
        }
        positions.push(position);
    }
    Ok(positions)
}

fn aggregate_schema(
    input: &Schema,
    window: Option<&Window>,
    keys: &[usize],
    calls: &[Call],
) -> Result<Schema, SqlError> {
    let mut fields = Vec::new();
    if let Some(window) = window {
        let data_type = input.field(*window.time()).data_type;
        fields.push(Field::not_null("window_start", data_type));
        fields.push(Field::not_null("window_end", data_type));
    }
    fields.extend(keys.iter().map(|key| input.field(*key).clone()));
    let grouped = window.is_some() || !keys.is_empty();
    for call in calls {
        fields.push(call.field(input, grouped)?);
    }
    if fields.is_empty() {
        return Err(SqlError::invalid_parameter("an aggregate without window, keys and calls"));
    }
    Schema::new(fields)
}
