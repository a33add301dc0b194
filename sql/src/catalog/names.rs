//! The names of columns that a query does not name: what PostgreSQL calls them, told apart where
//! two would be the same.

use std::collections::HashSet;

use sqlparser::ast::{Expr, Ident, Query, SelectItem, SetExpr};

/// Names the columns of the outermost SELECT of a query that runs once, in which a column may be
/// there more than once.
pub(crate) fn give_once(query: &mut Query) {
    give(query);
    let mut body = query.body.as_mut();
    while let SetExpr::SetOperation { left, .. } = body {
        body = left.as_mut();
    }
    let SetExpr::Select(select) = body else { return };
    let mut seen: Vec<Expr> = Vec::new();
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        let Some(name) = plain(expr) else { continue };
        let count = seen.iter().filter(|other| *other == expr).count();
        seen.push(expr.clone());
        if count > 0 {
            let alias = Ident::with_quote('"', format!("{name}_{}", count + 1));
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }
}

/// Names the columns of the outermost SELECT.
pub(crate) fn give(query: &mut Query) {
    let mut body = query.body.as_mut();
    // The first part of a set operation names its columns.
    while let SetExpr::SetOperation { left, .. } = body {
        body = left.as_mut();
    }
    let select = match body {
        SetExpr::Select(select) => select,
        SetExpr::Query(query) => return give(query),
        _ => return,
    };
    let mut taken: HashSet<String> = HashSet::new();
    for item in &select.projection {
        match item {
            SelectItem::ExprWithAlias { alias, .. } => drop(taken.insert(alias.value.clone())),
            SelectItem::UnnamedExpr(expr) => drop(plain(expr).map(|name| taken.insert(name))),
            _ => {}
        }
    }
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) = item
            && plain(expr).is_none()
        {
            let base = name(expr);
            let mut unique = base.clone();
            let mut count = 1;
            while !taken.insert(unique.clone()) {
                count += 1;
                unique = format!("{base}_{count}");
            }
            let alias = Ident::with_quote('"', unique);
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }
}

/// The name of a column that is selected as it is.
fn plain(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.clone()),
        _ => None,
    }
}

fn name(expr: &Expr) -> String {
    match expr {
        Expr::Function(function) => {
            let name = function.name.0.last().map(ToString::to_string).unwrap_or_default();
            name.trim_start_matches("__").trim_matches('"').to_lowercase()
        }
        Expr::Nested(inner) => plain(inner).unwrap_or_else(|| name(inner)),
        Expr::Cast { expr, data_type, .. } => match plain(expr) {
            Some(plain) => plain,
            None => match name(expr) {
                generic if generic == UNNAMED => data_type.to_string().to_lowercase(),
                inner => inner,
            },
        },
        Expr::Case { .. } => "case".to_owned(),
        Expr::Extract { .. } => "extract".to_owned(),
        Expr::Substring { .. } => "substring".to_owned(),
        Expr::Position { .. } => "position".to_owned(),
        Expr::Trim { .. } => "btrim".to_owned(),
        Expr::Ceil { .. } => "ceil".to_owned(),
        Expr::Floor { .. } => "floor".to_owned(),
        Expr::Exists { .. } => "exists".to_owned(),
        Expr::Array(_) => "array".to_owned(),
        _ => UNNAMED.to_owned(),
    }
}

const UNNAMED: &str = "?column?";

/// A query that is nothing but its body.
pub(super) fn query(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}
