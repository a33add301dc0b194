//! The window of one SELECT: found in GROUP BY, put in wherever the SELECT speaks of it.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, GroupByExpr, Ident, OrderBy, OrderByKind, Query, Select, SelectItem, Value,
    VisitMut, VisitorMut,
};

use super::call::{self, Edge, Kind, is_canonical, name_of};
use super::{Rewriter, folded};
use crate::error::SqlError;

impl Rewriter<'_> {
    /// Rewrites the windows of one SELECT and of the ORDER BY behind it.
    pub(super) fn select(
        &mut self,
        select: &mut Select,
        order_by: Option<&mut OrderBy>,
    ) -> Result<(), SqlError> {
        self.tables(select)?;
        let window = self.group_by(select)?;
        let Select { projection, selection, from, having, qualify, named_window, .. } = select;
        let outputs: Vec<String> = projection.iter().filter_map(output_name).collect();
        for item in projection.iter_mut() {
            self.item(item, window.as_ref())?;
        }
        self.put(having, window.as_ref(), &[])?;
        self.put(qualify, window.as_ref(), &[])?;
        self.put(named_window, window.as_ref(), &[])?;
        // Rows are chosen and joined before windows are assigned.
        self.put(selection, None, &[])?;
        self.put(from, None, &[])?;
        if let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = order_by {
            self.put(keys, window.as_ref(), &outputs)?;
        }
        Ok(())
    }

    /// Resolves the windows of GROUP BY; at most one may be there.
    fn group_by(&mut self, select: &mut Select) -> Result<Option<Expr>, SqlError> {
        let GroupByExpr::Expressions(keys, _) = &mut select.group_by else { return Ok(None) };
        let mut found: Option<Expr> = None;
        for key in keys.iter_mut().flat_map(elements) {
            let target = resolve(key, &select.projection);
            let call = match target.as_ref().unwrap_or(key) {
                Expr::Function(function) => match window_of(function) {
                    Some((kind, _)) => Some(self.canonical(kind, function)?),
                    None => None,
                },
                _ => None,
            };
            let call = call.or_else(|| is_canonical(key).then(|| key.clone()));
            let Some(call) = call else { continue };
            if found.as_ref().is_some_and(|other| *other != call) {
                let error = SqlError::unsupported("GROUP BY has two windows");
                let hint = "Group by one of them in a view, and by the other over that view.";
                return Err(self.place(error.hint(hint), key));
            }
            *key = call.clone();
            found = Some(call);
        }
        if let Some(call) = &found {
            let mut seen = false;
            keys.retain(|key| key != call || !std::mem::replace(&mut seen, true));
        }
        // A window inside another expression is the start of it.
        self.put(keys, None, &[])?;
        Ok(found)
    }

    /// Rewrites one item of the select list and keeps the name its column has.
    fn item(&mut self, item: &mut SelectItem, window: Option<&Expr>) -> Result<(), SqlError> {
        let SelectItem::UnnamedExpr(expr) = item else {
            return self.put(item, window, &[]);
        };
        let name = match expr {
            Expr::Identifier(name) => folded(name),
            Expr::CompoundIdentifier(parts) => parts.last().map(folded).unwrap_or_default(),
            Expr::Function(function) => name_of(function).unwrap_or_default(),
            _ => String::new(),
        };
        let before = expr.clone();
        self.put(expr, window, &[])?;
        if before != *expr && !name.is_empty() && is_edge(expr) {
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::new(name) };
        }
        Ok(())
    }

    /// Puts the window in everywhere below `node`, but not into subqueries. Columns called as one
    /// of `kept` are left alone.
    fn put(
        &mut self,
        node: &mut impl VisitMut,
        window: Option<&Expr>,
        kept: &[String],
    ) -> Result<(), SqlError> {
        let mut put = Put { rewriter: self, window, kept, queries: 0, assigned: 0 };
        match node.visit(&mut put) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(*error),
        }
    }
}

/// The keys of one element of GROUP BY: more than one in GROUPING SETS, ROLLUP and CUBE.
fn elements(key: &mut Expr) -> Vec<&mut Expr> {
    match key {
        Expr::GroupingSets(sets) | Expr::Rollup(sets) | Expr::Cube(sets) => {
            sets.iter_mut().flatten().collect()
        }
        other => vec![other],
    }
}

/// The item of the select list that an ordinal or an alias in GROUP BY stands for.
fn resolve(key: &Expr, projection: &[SelectItem]) -> Option<Expr> {
    let expr = match key {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => {
                let at: usize = digits.to_string().parse().ok()?;
                match projection.get(at.checked_sub(1)?)? {
                    SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr,
                    _ => return None,
                }
            }
            _ => return None,
        },
        Expr::Identifier(name) => projection.iter().find_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } if folded(alias) == folded(name) => {
                Some(expr)
            }
            _ => None,
        })?,
        _ => return None,
    };
    matches!(expr, Expr::Function(function) if window_of(function).is_some()).then(|| expr.clone())
}

/// The kind of window that a function assigns, and which edge of it the function gives.
fn window_of(function: &Function) -> Option<(Kind, Edge)> {
    let name = name_of(function)?;
    Kind::of(&name).map(|kind| (kind, Edge::Start)).or_else(|| Kind::of_edge(&name))
}

fn is_edge(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    matches!(name_of(function).as_deref(), Some(super::WINDOW_START | super::WINDOW_END))
}

fn output_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        _ => None,
    }
}

/// Replaces what stands for the edges of a window.
struct Put<'a, 'b> {
    rewriter: &'a mut Rewriter<'b>,
    window: Option<&'a Expr>,
    kept: &'a [String],
    /// Subqueries that are open.
    queries: usize,
    /// Calls of `__window_start` and `__window_end` that are open.
    assigned: usize,
}

impl Put<'_, '_> {
    fn expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        let edge = match &*expr {
            Expr::Identifier(name) => self.pseudo(name),
            Expr::CompoundIdentifier(parts) if parts.len() == 2 => self.pseudo(&parts[1]),
            Expr::Function(function) => return self.function(&function.clone(), expr),
            _ => None,
        };
        if let (Some(edge), Some(window)) = (edge, self.window) {
            *expr = edge.of_call(window.clone());
        }
        Ok(())
    }

    /// The edge that a column of this name stands for.
    fn pseudo(&self, name: &Ident) -> Option<Edge> {
        let name = folded(name);
        let edges = [Edge::Start, Edge::End];
        let edge = edges.into_iter().find(|edge| edge.column() == name)?;
        (!self.kept.contains(&name)).then_some(edge)
    }

    fn function(&mut self, function: &Function, expr: &mut Expr) -> Result<(), SqlError> {
        let Some((kind, edge)) = window_of(function) else { return Ok(()) };
        let call = self.rewriter.canonical(kind, function)?;
        if self.window != Some(&call) && !kind.is_scalar() {
            return Err(self.stray(kind, expr));
        }
        *expr = edge.of_call(call);
        Ok(())
    }

    fn stray(&self, kind: Kind, expr: &Expr) -> SqlError {
        let message = match self.window {
            Some(_) => format!("{expr} is not the window of GROUP BY"),
            None => format!("{expr} assigns a row to windows, which GROUP BY or FROM can do"),
        };
        let hint = format!("Write GROUP BY .., {}.", kind.usage());
        self.rewriter.place(SqlError::syntax(message).hint(hint), expr)
    }
}

impl VisitorMut for Put<'_, '_> {
    type Break = Box<SqlError>;

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Self::Break> {
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Self::Break> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        self.assigned += usize::from(is_edge(expr));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if is_edge(expr) {
            self.assigned -= 1;
            return ControlFlow::Continue(());
        }
        if self.queries > 0 || self.assigned > 0 || call::is_canonical(expr) {
            return ControlFlow::Continue(());
        }
        super::flow(self.expr(expr))
    }
}
