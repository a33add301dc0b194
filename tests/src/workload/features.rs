//! Which constructs a workload has.

use std::collections::BTreeSet;

use sluicedb_sql::DataType;
use sluicedb_sql::expr::{BinaryOp, Expr};
use sluicedb_sql::plan::{
    Call, Emit, Function, JoinKind, Node, NodeId, Op, OverFunction, Plan, Ranking, Window,
};

use super::source::{SourceSpec, Values};

/// Every construct a workload may have.
pub const FEATURES: &[&str] = &[
    "aggregate above aggregate",
    "aggregate above join",
    "aggregate above late rows",
    "aggregate by key",
    "aggregate over everything",
    "allowed lateness",
    "anti join",
    "approximate distinct",
    "approximate percentile",
    "avg",
    "case",
    "cast to text",
    "cast",
    "count rows",
    "count",
    "cumulate",
    "distinct call above retractions",
    "distinct call",
    "division",
    "emit changes over windows",
    "emit on close",
    "filter",
    "filtered call",
    "first or last above join",
    "first or last above retractions",
    "first",
    "full join",
    "hop with uneven slide",
    "hop",
    "inner join",
    "integer extremes",
    "join above aggregate",
    "join above join",
    "join of different sources",
    "join of equal nulls",
    "join of one source with itself",
    "join on a condition",
    "join on nothing",
    "join on several columns",
    "join on windows",
    "join",
    "last",
    "late view",
    "left join",
    "list of values",
    "long text keys",
    "mark join",
    "max",
    "min",
    "mode",
    "moment of one",
    "moment of two",
    "null keys",
    "over above retractions",
    "over everything",
    "over frames",
    "over numbers",
    "over rows around",
    "percentile between values",
    "percentile",
    "project",
    "projection of expressions",
    "rank above retractions",
    "relation with several readers",
    "right join",
    "semi join",
    "session above retractions",
    "session on close",
    "session that emits changes",
    "session",
    "several sources",
    "several views",
    "several windows above each other",
    "sketch above retractions",
    "source that keeps its rows",
    "source without watermark",
    "special doubles",
    "stream above rejoining paths",
    "stream",
    "sum of doubles",
    "sum of wide decimals",
    "sum",
    "top above join",
    "top above retractions",
    "top by rank",
    "top of everything",
    "top with numbers",
    "top",
    "truth of all or some",
    "tumble",
    "view of source",
    "view with key",
    "view without key",
    "window above window on close",
    "window with offset",
    "window without watermark",
];

/// The constructs of a plan and its sources, by the names in [`FEATURES`].
pub(super) fn features(plan: &Plan, sources: &[SourceSpec]) -> BTreeSet<&'static str> {
    let mut found = Found { plan, names: BTreeSet::new() };
    let mut readers = vec![0; plan.nodes().len()];
    for node in plan.nodes() {
        node.op.inputs().for_each(|input| readers[input.index()] += 1);
        found.node(node);
    }
    let views = plan.nodes().iter().filter(|node| matches!(node.op, Op::View { .. })).count();
    found.note("several views", views > 1);
    found.note("several sources", sources.len() > 1);
    found.note("relation with several readers", readers.iter().any(|count| *count > 1));
    sources.iter().for_each(|source| found.source(source));
    for name in &found.names {
        assert!(FEATURES.contains(name), "\"{name}\" is not listed");
    }
    found.names
}

struct Found<'a> {
    plan: &'a Plan,
    names: BTreeSet<&'static str>,
}

impl<'a> Found<'a> {
    fn note(&mut self, name: &'static str, occurs: bool) {
        if occurs {
            self.names.insert(name);
        }
    }

    fn source(&mut self, source: &SourceSpec) {
        self.note("source without watermark", source.time.is_none());
        for column in &source.columns {
            let integer = matches!(column.field.data_type, DataType::Int | DataType::BigInt);
            let double = column.field.data_type == DataType::Double;
            match column.values {
                Values::Key { long, .. } => {
                    let text = column.field.data_type == DataType::Text;
                    self.note("long text keys", long && text);
                    self.note("null keys", column.null_percent > 0);
                }
                Values::Number { extremes } => {
                    self.note("integer extremes", extremes && integer);
                    self.note("special doubles", extremes && double);
                }
                Values::Time | Values::NearTime => {}
            }
        }
    }

    fn node(&mut self, node: &Node) {
        match &node.op {
            Op::Source { retain, .. } => self.note("source that keeps its rows", retain.is_some()),
            Op::Filter { predicate, .. } => {
                self.note("filter", true);
                self.expr(predicate);
            }
            Op::Project { outputs, .. } => {
                self.note("project", true);
                for (_, expr) in outputs {
                    let plain = matches!(expr, Expr::Column(_));
                    self.note("projection of expressions", !plain);
                    self.expr(expr);
                }
            }
            Op::Aggregate { input, window, keys, calls, emit, allowed_lateness_us } => {
                self.note("aggregate by key", window.is_none() && !keys.is_empty());
                self.note("aggregate over everything", window.is_none() && keys.is_empty());
                self.note("allowed lateness", *allowed_lateness_us > 0);
                self.note("emit on close", *emit == Emit::OnClose);
                let below = self.operator(*input);
                self.note("aggregate above aggregate", is_aggregate(&below.op));
                self.note("aggregate above join", matches!(below.op, Op::Join { .. }));
                self.note("aggregate above late rows", matches!(below.op, Op::Late { .. }));
                if let Some(window) = window {
                    self.window(window, *emit, *input);
                }
                calls.iter().for_each(|call| self.call(call, *input));
            }
            Op::Over { input, partition, calls, .. } => {
                self.note("over above retractions", self.plan.node(*input).retracts);
                self.note("over everything", partition.is_empty());
                for call in calls {
                    let around = matches!(call.function, OverFunction::Lag(_));
                    let frames = call.function.has_frame();
                    self.note("over rows around", around);
                    self.note("over frames", frames);
                    self.note("over numbers", !around && !frames);
                }
            }
            Op::Top { input, partition, ranking, numbered, .. } => {
                self.note("top", true);
                self.note("top by rank", *ranking != Ranking::RowNumber);
                self.note("top of everything", partition.is_empty());
                self.note("top with numbers", *numbered);
                self.note("top above retractions", self.plan.node(*input).retracts);
                let joined = matches!(self.operator(*input).op, Op::Join { .. });
                self.note("top above join", joined);
            }
            Op::Late { .. } => self.note("late view", true),
            Op::Join { left, right, kind, left_keys, nulls_equal, condition, .. } => {
                self.note(of_kind(*kind), true);
                self.note("join on nothing", left_keys.is_empty());
                self.note("join of equal nulls", *nulls_equal);
                self.note("join on a condition", condition.is_some());
                condition.iter().for_each(|condition| self.expr(condition));
                self.join(*left, *right, left_keys);
            }
            Op::View { input, key, .. } => {
                self.note("view with key", !key.is_empty());
                self.note("view without key", key.is_empty());
                let source = matches!(self.plan.node(*input).op, Op::Source { .. });
                self.note("view of source", source);
            }
            Op::Stream { input, .. } => {
                self.note("stream", true);
                self.note("stream above rejoining paths", self.rejoins(*input));
            }
        }
    }

    /// The node beneath filters and projections.
    fn operator(&self, id: NodeId) -> &'a Node {
        let plan: &'a Plan = self.plan;
        let node = plan.node(id);
        match &node.op {
            Op::Filter { input, .. } | Op::Project { input, .. } => self.operator(*input),
            _ => node,
        }
    }

    fn sources(&self, id: NodeId) -> BTreeSet<NodeId> {
        let node = self.plan.node(id);
        if let Op::Source { .. } = node.op {
            return BTreeSet::from([id]);
        }
        node.op.inputs().flat_map(|input| self.sources(input)).collect()
    }

    /// Whether two paths from one source meet in a join beneath.
    fn rejoins(&self, id: NodeId) -> bool {
        let inputs: Vec<NodeId> = self.plan.node(id).op.inputs().collect();
        let meet = match inputs[..] {
            [left, right] => !self.sources(left).is_disjoint(&self.sources(right)),
            _ => false,
        };
        meet || inputs.into_iter().any(|input| self.rejoins(input))
    }

    fn window(&mut self, window: &Window, emit: Emit, input: NodeId) {
        let (size, slide) = (window.size_us(), window.slide_us());
        let hops = matches!(window, Window::Hop { .. });
        self.note("hop", hops);
        self.note("hop with uneven slide", size % slide != 0);
        self.note("tumble", matches!(window, Window::Tumble { .. }));
        self.note("cumulate", matches!(window, Window::Cumulate { .. }));
        self.note("session", window.is_session());
        self.note("session on close", window.is_session() && emit == Emit::OnClose);
        let retracts = self.plan.node(input).retracts;
        self.note("session above retractions", window.is_session() && retracts);
        let changes = emit == Emit::Changes;
        self.note("session that emits changes", window.is_session() && changes);
        self.note("window with offset", window.offset_us() != 0);
        self.note("emit changes over windows", emit == Emit::Changes);
        let node = self.plan.node(input);
        let followed = node.time_of(*window.time()).is_some();
        self.note("window without watermark", !followed);
        if let Op::Aggregate { window: Some(_), emit: inner, .. } = &self.operator(input).op {
            let closes = *inner == Emit::OnClose && emit == Emit::OnClose;
            self.note("several windows above each other", followed);
            self.note("window above window on close", followed && closes);
        }
    }

    fn call(&mut self, call: &Call, input: NodeId) {
        let name = match call.function {
            Function::CountRows => "count rows",
            Function::Count => "count",
            Function::Sum => "sum",
            Function::Min => "min",
            Function::Max => "max",
            Function::Avg => "avg",
            Function::First => "first",
            Function::Last => "last",
            Function::BoolAnd | Function::BoolOr => "truth of all or some",
            Function::Moment(moment) if moment.takes_two() => "moment of two",
            Function::Moment(_) => "moment of one",
            Function::PercentileCont(_) => "percentile between values",
            Function::PercentileDisc(_) => "percentile",
            Function::Mode => "mode",
            Function::ApproxPercentile(_) => "approximate percentile",
            Function::ApproxDistinct => "approximate distinct",
            Function::StringAgg | Function::ArrayAgg => "list of values",
            Function::Custom => "aggregate of the application's",
        };
        self.note("filtered call", call.filter.is_some());
        self.note("distinct call", call.distinct);
        let retracts = self.plan.node(input).retracts;
        self.note("distinct call above retractions", call.distinct && retracts);
        let ranked = matches!(
            call.function,
            Function::PercentileCont(_) | Function::PercentileDisc(_) | Function::Mode
        );
        self.note("rank above retractions", ranked && retracts);
        let sketch =
            matches!(call.function, Function::ApproxPercentile(_) | Function::ApproxDistinct);
        self.note("sketch above retractions", sketch && retracts);
        self.note(name, true);
        let node = self.plan.node(input);
        let ordered = matches!(call.function, Function::First | Function::Last);
        let joined = matches!(self.operator(input).op, Op::Join { .. });
        self.note("first or last above join", ordered && joined);
        self.note("first or last above retractions", ordered && node.retracts);
        let Some(argument) = call.argument else { return };
        if call.function == Function::Sum {
            let data_type = node.schema.field(argument).data_type;
            self.note("sum of doubles", data_type == DataType::Double);
            let wide = matches!(data_type, DataType::Decimal { precision: 38, .. });
            self.note("sum of wide decimals", wide);
        }
    }

    fn join(&mut self, left: NodeId, right: NodeId, left_keys: &[usize]) {
        self.note("join", true);
        self.note("join on several columns", left_keys.len() > 1);
        let (left_sources, right_sources) = (self.sources(left), self.sources(right));
        self.note("join of one source with itself", !left_sources.is_disjoint(&right_sources));
        self.note("join of different sources", left_sources.is_disjoint(&right_sources));
        for side in [left, right] {
            let joined = matches!(self.operator(side).op, Op::Join { .. });
            let aggregated = is_aggregate(&self.operator(side).op);
            self.note("join above join", joined);
            self.note("join above aggregate", aggregated);
        }
        let node = self.plan.node(left);
        let windowed = matches!(&self.operator(left).op, Op::Aggregate { window: Some(_), .. });
        let time = |key: &usize| node.schema.field(*key).data_type == DataType::Timestamp;
        self.note("join on windows", windowed && left_keys.iter().any(time));
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Column(_) | Expr::Named(_) | Expr::Literal(..) => {}
            Expr::Binary { op, left, right } => {
                self.note("division", matches!(op, BinaryOp::Div | BinaryOp::Mod));
                self.expr(left);
                self.expr(right);
            }
            Expr::Not(input) | Expr::IsNull(input) | Expr::Negate(input) => self.expr(input),
            Expr::Case { branches, otherwise } => {
                self.note("case", true);
                for (condition, value) in branches {
                    self.expr(condition);
                    self.expr(value);
                }
                otherwise.iter().for_each(|otherwise| self.expr(otherwise));
            }
            Expr::Call { function: _, args } => {
                self.note("function", true);
                args.iter().for_each(|arg| self.expr(arg));
            }
            Expr::Cast { input, to } => {
                self.note("cast", *to != DataType::Text);
                self.note("cast to text", *to == DataType::Text);
                self.expr(input);
            }
        }
    }
}

fn of_kind(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "inner join",
        JoinKind::Left => "left join",
        JoinKind::Right => "right join",
        JoinKind::Full => "full join",
        JoinKind::Semi => "semi join",
        JoinKind::Anti => "anti join",
        JoinKind::Mark => "mark join",
    }
}

fn is_aggregate(op: &Op) -> bool {
    matches!(op, Op::Aggregate { .. })
}
