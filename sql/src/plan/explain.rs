//! A plan as text, one line a node.

use std::fmt::{self, Display, Write as _};

use crate::plan::{Call, CustomCall, Emit, Node, NodeId, Op, OrderBy, Plan, Window, both_sides};
use crate::schema::Schema;

impl Plan {
    /// One line a node: what it does, its columns, and what is known of its rows.
    pub fn explain(&self) -> String {
        self.to_string()
    }

    /// The same of the nodes that `shown` says, with what each keeps and what bounds that.
    pub fn explain_some(&self, shown: impl Fn(NodeId) -> bool) -> String {
        let lines = self.to_string();
        let mut text = String::new();
        for (line, id) in lines.lines().zip(self.ids()).filter(|(_, id)| shown(*id)) {
            text += line;
            text.push('\n');
            for kept in self.kept(id) {
                text += &format!("   {kept}\n");
            }
        }
        text
    }

    fn join_line(&self, op: &Op) -> String {
        let Op::Join { left, right, kind, left_keys, right_keys, nulls_equal, condition, .. } = op
        else {
            unreachable!("called for joins")
        };
        let (l, r) = (&self.node(*left).schema, &self.node(*right).schema);
        let mut text = format!("{} #{} #{}:", kind.text(), left.0, right.0);
        text += &match left_keys.is_empty() {
            true => " all with all".to_owned(),
            false => format!(" {} = {}", names(left_keys, l), names(right_keys, r)),
        };
        text += if *nulls_equal { ", NULLs too" } else { "" };
        if let Some(condition) = condition
            && let Ok(both) = both_sides(l, r)
        {
            text += &format!(" if {}", condition.text(&both));
        }
        text
    }

    fn line(&self, node: &Node) -> String {
        let schema = |id: &NodeId| &self.node(*id).schema;
        match &node.op {
            Op::Source { name, time, .. } => match time {
                Some(time) => {
                    let column = &node.schema.field(time.column).name;
                    let by = time.by.map(|by| &node.schema.field(by).name);
                    let by = by.map_or(String::new(), |by| format!(", each {by} for itself"));
                    format!("source {name} by {column}{time}{by}")
                }
                None => format!("source {name}"),
            },
            Op::Filter { input, predicate } => {
                format!("filter #{}: {}", input.0, predicate.text(schema(input)))
            }
            Op::Project { input, outputs } => {
                let outputs = outputs.iter();
                let outputs = outputs.map(|(_, expr)| expr.text(schema(input)));
                format!("project #{}: {}", input.0, list(outputs))
            }
            Op::Aggregate { input, window, keys, calls, emit, allowed_lateness_us } => {
                let from = schema(input);
                let mut text = format!("aggregate #{}:", input.0);
                if let Some(window) = window {
                    text += &format!(" {}", window_text(window, from));
                }
                if !keys.is_empty() {
                    text += &format!(" by {}", names(keys, from));
                }
                text += &format!(
                    " {}",
                    list(calls.iter().map(|call| call.text(|at| from.field(at).name.clone())))
                );
                text += match emit {
                    Emit::Changes => " emit changes",
                    Emit::OnClose => " emit on close",
                };
                if *allowed_lateness_us > 0 {
                    text += &format!(" late by {allowed_lateness_us} us");
                }
                text
            }
            Op::Over { input, partition, by, calls } => {
                let calls = list(calls.iter().map(|call| call.text(schema(input))));
                format!("over #{}: {calls}", input.0) + &in_order(partition, by, schema(input))
            }
            Op::Top { input, partition, by, ranking, first, last, numbered } => {
                let text = format!("top #{}: {ranking} {first} to {last}", input.0);
                let order = in_order(partition, by, schema(input));
                text + &order + if *numbered { " numbered" } else { "" }
            }
            Op::Late { aggregate } => format!("late #{}", aggregate.0),
            Op::Join { .. } => self.join_line(&node.op),
            Op::View { input, name, key } if key.is_empty() => format!("view {name} #{}", input.0),
            Op::View { input, name, key } => {
                format!("view {name} #{} by {}", input.0, names(key, schema(input)))
            }
            Op::Stream { input, name } => format!("stream {name} #{}", input.0),
        }
    }
}

impl Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, node) in self.ids().zip(self.nodes()) {
            let mut known = String::new();
            for time in &node.times {
                let name = &node.schema.field(time.column).name;
                write!(known, " [{name} >= watermark - {} us]", time.lag_us)?;
            }
            known += if node.retracts { " [retracts]" } else { "" };
            writeln!(f, "#{} {} -> {}{known}", id.0, self.line(node), node.schema)?;
        }
        Ok(())
    }
}

/// Partitions and what orders their rows.
fn in_order(partition: &[usize], by: &[OrderBy], input: &Schema) -> String {
    let mut text = String::new();
    if !partition.is_empty() {
        text += &format!(" of each {}", names(partition, input));
    }
    if !by.is_empty() {
        text += &format!(" by {}", list(by.iter().map(|by| by.text(input))));
    }
    text
}

fn window_text(window: &Window, input: &Schema) -> String {
    let time = &input.field(*window.time()).name;
    let (size, offset) = (window.size_us(), window.offset_us());
    match window {
        Window::Tumble { .. } => format!("tumble({time}, {size} us, {offset} us)"),
        Window::Hop { slide_us, .. } => {
            format!("hop({time}, {size} us, {slide_us} us, {offset} us)")
        }
        Window::Cumulate { step_us, .. } => {
            format!("cumulate({time}, {step_us} us, {size} us, {offset} us)")
        }
        Window::Session { gap_us, .. } => format!("session({time}, {gap_us} us)"),
        Window::Zoned { zone, windows } => {
            format!("{} in {}", window_text(windows, input), zone.name())
        }
    }
}

impl Call {
    /// The call as EXPLAIN writes it, with the names that `name` gives to columns.
    pub fn text(&self, name: impl Fn(usize) -> String) -> String {
        let mut text = match &self.custom {
            Some(CustomCall { function, args }) => {
                format!("{}({})", function.name, list(args.iter().map(|arg| name(*arg))))
            }
            None => self.function.to_string(),
        };
        if let Some(argument) = self.argument {
            let distinct = if self.distinct { "distinct " } else { "" };
            text += &format!("({distinct}{}", name(argument));
            if let Some(second) = self.second {
                text += &format!(", {}", name(second));
            }
            if !self.separator.is_empty() {
                text += &format!(", {:?}", self.separator);
            }
            if let Some(order) = self.order {
                text += &format!(" by {}", name(order));
            }
            text += if self.descending { " descending)" } else { ")" };
        }
        if let Some(filter) = self.filter {
            text += &format!(" where {}", name(filter));
        }
        text
    }
}

fn names(columns: &[usize], schema: &Schema) -> String {
    list(columns.iter().map(|column| &schema.field(*column).name))
}

fn list(items: impl Iterator<Item = impl Display>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    items.join(", ")
}
