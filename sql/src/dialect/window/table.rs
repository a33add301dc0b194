//! Windows as functions in FROM: `FROM TUMBLE(src, ts, INTERVAL '1' MINUTE)`.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, ObjectName,
    ObjectNamePart, Select, SelectItem, SetExpr, TableAlias, TableFactor,
};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Tokenizer;

use super::call::{Edge, Kind, arguments};
use super::{Rewriter, folded};
use crate::dialect::grammar::Grammar;
use crate::error::SqlError;

/// A window function in FROM, taken apart.
struct Windowed {
    /// What its rows come from.
    source: TableFactor,
    /// The canonical call.
    call: Expr,
}

impl Rewriter<'_> {
    /// Rewrites the window functions in FROM: where the SELECT groups by the window, GROUP BY gets
    /// the call; elsewhere a subquery assigns windows row by row.
    pub(super) fn tables(&mut self, select: &mut Select) -> Result<(), SqlError> {
        let alone = matches!(select.from.as_slice(), [only] if only.joins.is_empty());
        for from in &mut select.from {
            let joined = from.joins.iter_mut().map(|join| &mut join.relation);
            for factor in std::iter::once(&mut from.relation).chain(joined) {
                let Some(windowed) = self.windowed(factor)? else { continue };
                *factor = if alone && group(&mut select.group_by, &windowed.call) {
                    windowed.source
                } else {
                    self.row_by_row(windowed)?
                };
            }
        }
        Ok(())
    }

    /// Takes a window function in FROM apart.
    fn windowed(&mut self, factor: &TableFactor) -> Result<Option<Windowed>, SqlError> {
        let (name, args, alias) = match factor {
            TableFactor::Table { name, args: Some(args), alias, .. } => (name, &args.args, alias),
            TableFactor::TableFunction { expr: Expr::Function(function), alias } => {
                let FunctionArguments::List(list) = &function.args else { return Ok(None) };
                (&function.name, &list.args, alias)
            }
            _ => return Ok(None),
        };
        let [ObjectNamePart::Identifier(word)] = name.0.as_slice() else { return Ok(None) };
        let Some(kind) = Kind::of(&folded(word)).filter(|kind| *kind != Kind::Bucket) else {
            return Ok(None);
        };
        let whole = Expr::Identifier(word.clone());
        let wrong = || {
            let usage = kind.usage().replacen('(', "(source, ", 1).to_uppercase();
            let message = format!("{word} in FROM takes a relation and what a window takes");
            SqlError::syntax(message).hint(format!("Write it like FROM {usage}."))
        };
        let error = self.place(wrong(), &whole);
        let Some(mut args) = arguments(args) else { return Err(error) };
        let Some(source) = args.next(&["data"]).and_then(|data| relation(data, alias.clone()))
        else {
            return Err(error);
        };
        let Some(time) = args.next(&["timecol", "ts", "time"]) else { return Err(error) };
        args.positional.insert(0, descriptor(time));
        let call = self.canonical_of(kind, args, &whole)?;
        Ok(Some(Windowed { source, call }))
    }

    /// `(SELECT *, __window_start(call) AS window_start, .. FROM source) AS name`.
    fn row_by_row(&self, windowed: Windowed) -> Result<TableFactor, SqlError> {
        let Windowed { mut source, call } = windowed;
        let alias = match &mut source {
            TableFactor::Table { alias, name, .. } => {
                alias.take().or_else(|| name.0.last().and_then(|part| part.as_ident()).map(named))
            }
            TableFactor::Derived { alias, .. } => alias.clone(),
            _ => None,
        };
        let text = "SELECT *, 0 AS window_start, 0 AS window_end FROM t";
        let grammar = Grammar::default();
        let tokens = Tokenizer::new(&grammar, text).tokenize().unwrap_or_default();
        let query = Parser::new(&grammar).with_tokens(tokens).parse_query();
        let mut query = query.map_err(|error| SqlError::syntax(error.to_string()))?;
        if let SetExpr::Select(select) = &mut *query.body {
            for (item, edge) in select.projection[1..].iter_mut().zip([Edge::Start, Edge::End]) {
                if let SelectItem::ExprWithAlias { expr, .. } = item {
                    *expr = edge.of_call(call.clone());
                }
            }
            select.from[0].relation = source;
        }
        Ok(TableFactor::Derived { lateral: false, subquery: query, alias, sample: None })
    }
}

/// Puts the call in the place of `window_start` and `window_end`, if one of them is there.
fn group(group_by: &mut GroupByExpr, call: &Expr) -> bool {
    let GroupByExpr::Expressions(keys, _) = group_by else { return false };
    let edge = |key: &Expr| {
        let name = match key {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(parts) if parts.len() == 2 => parts.last(),
            _ => None,
        };
        let edges = [Edge::Start.column(), Edge::End.column()];
        name.is_some_and(|name| edges.contains(&folded(name).as_str()))
    };
    let Some(first) = keys.iter().position(edge) else { return false };
    keys[first] = call.clone();
    keys.retain(|key| !edge(key));
    true
}

/// What the rows of a window function come from, under the alias of the function.
fn relation(data: Expr, alias: Option<TableAlias>) -> Option<TableFactor> {
    let name = match data {
        Expr::Identifier(name) => ObjectName::from(vec![name]),
        Expr::CompoundIdentifier(parts) => ObjectName::from(parts),
        Expr::Subquery(subquery) => {
            return Some(TableFactor::Derived { lateral: false, subquery, alias, sample: None });
        }
        _ => return None,
    };
    Some(TableFactor::Table {
        name,
        alias,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    })
}

fn named(name: &Ident) -> TableAlias {
    TableAlias { explicit: true, name: name.clone(), columns: Vec::new(), at: None }
}

/// The column of `DESCRIPTOR(column)`, or the expression as it is.
fn descriptor(time: Expr) -> Expr {
    let Expr::Function(function) = &time else { return time };
    let FunctionArguments::List(list) = &function.args else { return time };
    let is_descriptor = super::call::name_of(function).is_some_and(|name| name == "descriptor");
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(column))] if is_descriptor => column.clone(),
        _ => time,
    }
}
