//! Joins: which rows they put out, and what is known of those.

use crate::error::SqlError;
use crate::expr::Expr;
use crate::limits::NAME_BYTES_MAX;
use crate::plan::{Builder, Node, NodeId, Op, Within};
use crate::schema::{Field, Schema};
use crate::types::DataType;

/// Which rows a join puts out. Two rows match if their keys are equal and the condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JoinKind {
    /// Each pair of rows that match.
    Inner,
    /// Those, and each row of the left side that has no match, with NULLs beside it.
    Left,
    /// Those, and each row of the right side that has no match.
    Right,
    /// Those, and each row of either side that has no match.
    Full,
    /// Each row of the left side that has a match.
    Semi,
    /// Each row of the left side that has none.
    Anti,
    /// Each row of the left side, and whether it has a match.
    Mark,
}

impl JoinKind {
    /// All of them.
    pub const ALL: [JoinKind; 7] = [
        JoinKind::Inner,
        JoinKind::Left,
        JoinKind::Right,
        JoinKind::Full,
        JoinKind::Semi,
        JoinKind::Anti,
        JoinKind::Mark,
    ];

    /// Whether pairs are put out; otherwise rows of the left side are.
    pub const fn pairs(self) -> bool {
        matches!(self, JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full)
    }

    /// Whether a row of side 0 or 1 is put out alone if it is `matched`, or is not.
    pub const fn shows(self, side: usize, matched: bool) -> bool {
        match self {
            JoinKind::Inner => false,
            JoinKind::Left => side == 0 && !matched,
            JoinKind::Right => side == 1 && !matched,
            JoinKind::Full => !matched,
            JoinKind::Semi => side == 0 && matched,
            JoinKind::Anti => side == 0 && !matched,
            JoinKind::Mark => side == 0,
        }
    }

    /// Whether it matters for a row of a side if it has a match.
    pub const fn watches(self, side: usize) -> bool {
        self.shows(side, true) || self.shows(side, false)
    }

    /// Whether rows are taken back where the inputs take none back: what is put out alone is, when a
    /// match comes.
    pub const fn takes_back(self) -> bool {
        !matches!(self, JoinKind::Inner | JoinKind::Semi)
    }

    /// Whether columns of a side may be NULL because there is no row.
    const fn fills(self, side: usize) -> bool {
        self.pairs() && self.watches(1 - side)
    }

    /// As EXPLAIN writes it.
    pub const fn text(self) -> &'static str {
        match self {
            JoinKind::Inner => "join",
            JoinKind::Left => "left join",
            JoinKind::Right => "right join",
            JoinKind::Full => "full join",
            JoinKind::Semi => "semi join",
            JoinKind::Anti => "anti join",
            JoinKind::Mark => "mark join",
        }
    }
}

/// What is joined how.
#[derive(Clone, Debug)]
pub struct JoinSpec {
    /// Which rows are put out.
    pub kind: JoinKind,
    /// Columns that must be equal, in pairs of one type; without any, all rows meet on one shard.
    pub keys: Vec<(usize, usize)>,
    /// Whether NULLs are equal; otherwise a NULL in a key matches nothing.
    pub nulls_equal: bool,
    /// What else must hold of two rows: an expression over the columns of the left side and those of
    /// the right behind them.
    pub condition: Option<Expr>,
}

impl JoinSpec {
    /// Pairs that agree on these columns.
    pub fn inner(keys: Vec<(usize, usize)>) -> JoinSpec {
        JoinSpec { kind: JoinKind::Inner, keys, nulls_equal: false, condition: None }
    }
}

impl Builder {
    /// Pairs of rows that agree on every pair of columns in `on`, left names first.
    pub fn join(
        &mut self,
        left: NodeId,
        right: NodeId,
        on: &[(&str, &str)],
    ) -> Result<NodeId, SqlError> {
        if on.is_empty() {
            return Err(SqlError::unsupported("a join without a pair of equal columns"));
        }
        let (left_node, right_node) = (self.node(left)?, self.node(right)?);
        let mut keys = Vec::with_capacity(on.len());
        for (left_name, right_name) in on {
            let key = left_node.schema.resolve(left_name)?;
            keys.push((key, right_node.schema.resolve(right_name)?));
        }
        let fields = left_node.schema.fields().iter().chain(right_node.schema.fields());
        Schema::new(fields.cloned().collect())?;
        self.join_with(left, right, &JoinSpec::inner(keys))
    }

    /// Joins two relations. Columns of the right side whose names are taken get others.
    pub fn join_with(
        &mut self,
        left: NodeId,
        right: NodeId,
        spec: &JoinSpec,
    ) -> Result<NodeId, SqlError> {
        // No `..`: a part of the specification that nothing reads does not compile.
        let JoinSpec { kind, keys, nulls_equal, condition } = spec;
        let (l, r) = (self.node(left)?, self.node(right)?);
        for &(left_key, right_key) in keys {
            check_types(&l.schema.fields()[left_key], &r.schema.fields()[right_key])?;
        }
        let both = joined(&l.schema, &r.schema, *kind)?;
        let all = both_sides(&l.schema, &r.schema)?;
        let condition = condition.as_ref().map(|condition| checked(condition, &all)).transpose()?;
        let spec = JoinSpec { condition, ..spec.clone() };
        let bounds = Within::of(&spec, [l, r], &all);
        let whole = [0, 1].map(|side| !kind.fills(side) && (side == 0 || kind.pairs()));
        let times = bounds.map_or_else(Vec::new, |within| within.times(l.schema.len(), whole));
        let retracts = kind.takes_back() || l.retracts || r.retracts;
        let (left_keys, right_keys) = keys.iter().copied().unzip();
        let inner = *kind == JoinKind::Inner;
        let (inside, above) = if inner { (None, spec.condition) } else { (spec.condition, None) };
        let op = Op::Join {
            left,
            right,
            kind: *kind,
            left_keys,
            right_keys,
            nulls_equal: *nulls_equal,
            condition: inside,
            within: bounds,
        };
        let id = self.push(Node { op, schema: both, times, retracts })?;
        match above {
            // Pairs that are too far apart go here, and nothing else reads the join.
            Some(condition) => self.filter(id, &condition),
            None => Ok(id),
        }
    }
}

/// The columns that the condition of a join is over.
pub fn both_sides(left: &Schema, right: &Schema) -> Result<Schema, SqlError> {
    joined(left, right, JoinKind::Full)
}

/// The columns of a join.
fn joined(left: &Schema, right: &Schema, kind: JoinKind) -> Result<Schema, SqlError> {
    let side = |side: usize, schema: &Schema| {
        let fills = kind.fills(side);
        let fields = schema.fields().iter().cloned();
        fields.map(|field| Field { nullable: field.nullable || fills, ..field }).collect()
    };
    let mut fields: Vec<Field> = side(0, left);
    let others = match kind {
        JoinKind::Semi | JoinKind::Anti => Vec::new(),
        JoinKind::Mark => vec![Field::not_null("mark", DataType::Boolean)],
        _ => side(1, right),
    };
    for field in others {
        let name = free_name(&field.name, &fields);
        fields.push(Field { name, ..field });
    }
    Schema::new(fields)
}

/// A name that no column has yet.
fn free_name(name: &str, fields: &[Field]) -> String {
    let fits =
        |name: &str| name.len() <= NAME_BYTES_MAX && fields.iter().all(|field| field.name != name);
    let numbered = (2..=fields.len() + 2).map(|number| format!("{name} {number}"));
    let plain = (1..=fields.len() + 1).map(|number| format!("column {number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered).chain(plain);
    names.find(|name| fits(name)).expect("there are more names than columns")
}

fn check_types(left: &Field, right: &Field) -> Result<(), SqlError> {
    if left.data_type == right.data_type {
        return Ok(());
    }
    Err(SqlError::datatype_mismatch(format!(
        "the join compares \"{}\", {}, with \"{}\", {}",
        left.name, left.data_type, right.name, right.data_type
    ))
    .hint("Cast one of them in a projection beneath."))
}

/// A condition over the columns of both sides.
fn checked(condition: &Expr, schema: &Schema) -> Result<Expr, SqlError> {
    let condition = condition.bind(schema)?;
    let data_type = condition.data_type(schema)?;
    if data_type == DataType::Boolean {
        return Ok(condition);
    }
    Err(SqlError::datatype_mismatch(format!(
        "the condition of a join is BOOLEAN, and {} is {data_type}",
        condition.text(schema)
    )))
}
