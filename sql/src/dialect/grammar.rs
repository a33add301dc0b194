//! The parser of queries, expressions and types, told what our language is and how far to go.

use std::any::TypeId;
use std::cell::Cell;

use sqlparser::ast::{DataType, Expr, Query};
use sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::cursor::Cursor;
use super::near::nearest;
use crate::error::SqlError;
use crate::limits::NESTING_MAX;

/// Levels the parser may recurse: an expression in parentheses costs one, a subquery three.
const RECURSION_MAX: usize = 3 * NESTING_MAX;

/// Expressions begun per token: the parser goes back where a word may mean two things, and text
/// made for it could have it go back over the same tokens for ever.
const ATTEMPTS_PER_TOKEN: usize = 64;

/// PostgreSQL's language with what we add to queries.
#[derive(Debug)]
pub(super) struct Grammar {
    /// Expressions that may still be begun.
    attempts: Cell<usize>,
    postgres: PostgreSqlDialect,
}

impl Default for Grammar {
    fn default() -> Grammar {
        Grammar { attempts: Cell::new(usize::MAX), postgres: PostgreSqlDialect {} }
    }
}

impl Dialect for Grammar {
    // The parser asks for some forms by the name of the dialect.
    fn dialect(&self) -> TypeId {
        TypeId::of::<PostgreSqlDialect>()
    }

    fn parse_prefix(&self, _parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let left = self.attempts.get().checked_sub(1);
        self.attempts.set(left.unwrap_or(0));
        left.is_none().then_some(Err(ParserError::RecursionLimitExceeded))
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        self.postgres.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        self.postgres.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        self.postgres.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        self.postgres.is_identifier_part(ch)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        self.postgres.is_reserved_for_identifier(keyword)
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        self.postgres.get_next_precedence(parser)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        self.postgres.prec_value(precedence)
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_string_escape_constant(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_numeric_literal_underscores(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn allow_extract_single_quotes(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn supports_array_typedef_with_brackets(&self) -> bool {
        true
    }

    fn supports_interval_options(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    fn supports_select_wildcard_exclude(&self) -> bool {
        true
    }

    fn support_map_literal_syntax(&self) -> bool {
        true
    }

    fn supports_struct_literal(&self) -> bool {
        true
    }

    // FOR SYSTEM_TIME AS OF.
    fn supports_table_versioning(&self) -> bool {
        true
    }
}

/// The query that takes up all tokens up to `until`.
pub(super) fn query(cursor: &mut Cursor<'_>, until: usize) -> Result<Box<Query>, SqlError> {
    let mut query = whole(cursor, until, |parser| parser.parse_query())?;
    super::fetch::rewrite(&mut query);
    super::zone::rewrite(&mut query);
    super::number::rewrite(&mut query);
    Ok(query)
}

/// The expression that takes up all tokens up to `until`.
pub(super) fn expr(cursor: &mut Cursor<'_>, until: usize) -> Result<Expr, SqlError> {
    whole(cursor, until, |parser| parser.parse_expr())
}

/// The type that starts at the cursor.
pub(super) fn data_type(cursor: &mut Cursor<'_>) -> Result<DataType, SqlError> {
    let until = cursor.end().min(cursor.index() + TYPE_TOKENS_MAX);
    let (data_type, taken) = run(cursor, until, |parser| parser.parse_data_type())?;
    cursor.move_to(taken);
    Ok(data_type)
}

/// No type is longer.
const TYPE_TOKENS_MAX: usize = 256;

fn whole<T>(
    cursor: &mut Cursor<'_>,
    until: usize,
    read: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>,
) -> Result<T, SqlError> {
    let (value, taken) = run(cursor, until, read)?;
    cursor.move_to(taken);
    if taken < until {
        return Err(unexpected(cursor));
    }
    Ok(value)
}

/// Has the parser read from the cursor up to `until`, and says how far it came.
fn run<T>(
    cursor: &Cursor<'_>,
    until: usize,
    read: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>,
) -> Result<(T, usize), SqlError> {
    let mut tokens = cursor.tokens(until).to_vec();
    bracket_maps(&mut tokens);
    let attempts = Cell::new((tokens.len() + 1).saturating_mul(ATTEMPTS_PER_TOKEN));
    let grammar = Grammar { attempts, postgres: PostgreSqlDialect {} };
    let parser = Parser::new(&grammar).with_recursion_limit(RECURSION_MAX);
    let mut parser = parser.with_tokens_with_locations(tokens);
    match read(&mut parser) {
        Ok(value) => Ok((value, cursor.index() + parser.index())),
        Err(_) if grammar.attempts.get() == 0 => Err(too_involved(cursor)),
        Err(ParserError::RecursionLimitExceeded) => Err(too_involved(cursor)),
        Err(ParserError::TokenizerError(text) | ParserError::ParserError(text)) => {
            Err(in_our_words(&text, cursor, until))
        }
    }
}

/// `MAP<TEXT, TEXT>` as `MAP(TEXT, TEXT)`, which is how the parser knows it.
fn bracket_maps(tokens: &mut [TokenWithSpan]) {
    let word = |token: &Token, wanted: &[&str]| {
        matches!(token, Token::Word(word) if word.quote_style.is_none()
            && wanted.iter().any(|wanted| word.value.eq_ignore_ascii_case(wanted)))
    };
    const TEXTS: [&str; 3] = ["TEXT", "VARCHAR", "STRING"];
    for at in 5..tokens.len() {
        let [map, open, key, comma, value, close] =
            [5, 4, 3, 2, 1, 0].map(|back| &tokens[at - back].token);
        let is_map = word(map, &["MAP"])
            && *open == Token::Lt
            && word(key, &TEXTS)
            && *comma == Token::Comma
            && word(value, &TEXTS)
            && *close == Token::Gt;
        if is_map {
            tokens[at - 4].token = Token::LParen;
            tokens[at].token = Token::RParen;
        }
    }
}

fn too_involved(cursor: &Cursor<'_>) -> SqlError {
    SqlError::too_complex("the statement is nested too deep, or can be read in too many ways")
        .hint("Name parts of it in a WITH clause or in views of their own.")
        .at(cursor.position())
}

/// Makes of `Expected: a, found: b at Line: 1, Column: 2` an error of ours.
fn in_our_words(text: &str, cursor: &Cursor<'_>, until: usize) -> SqlError {
    let (text, index) = match text.rfind(" at Line: ") {
        Some(at) => (&text[..at], index_of(&text[at..], cursor, until)),
        None => (text, None),
    };
    let text = text.trim();
    let found = text.strip_prefix("Expected: ").and_then(|rest| rest.split_once(", found: "));
    let Some((expected, _)) = found else {
        let text = text.trim_end_matches('.');
        return SqlError::syntax(lower_first(text)).at(cursor.position_of(index.unwrap_or(until)));
    };
    let index = index.unwrap_or(until);
    let expected = expected.trim_start_matches("expected ").trim();
    let error = cursor.unexpected_at(index, &lower_first(expected));
    with_near_clause(error, cursor, index)
}

/// What stands behind a query that is whole.
fn unexpected(cursor: &Cursor<'_>) -> SqlError {
    let error = cursor.unexpected_at(cursor.index(), "the end of the statement");
    with_near_clause(error, cursor, cursor.index())
}

/// Advice where the word that was found, or the one before it, is nearly that of a clause.
fn with_near_clause(error: SqlError, cursor: &Cursor<'_>, index: usize) -> SqlError {
    let before = index.checked_sub(1).and_then(|before| cursor.plain_word(before));
    if before.is_some_and(|word| word.eq_ignore_ascii_case("EMIT")) {
        return error.hint("EMIT is followed by ON WINDOW CLOSE, CHANGES or FINAL.");
    }
    let words = [Some(index), index.checked_sub(1)].into_iter().flatten();
    let mut near = words.filter_map(|index| {
        let word = cursor.plain_word(index)?;
        nearest(word, CLAUSES.iter().copied()).map(|clause| (word, clause))
    });
    match near.next() {
        Some((word, clause)) => error.hint(format!("Did you mean {clause} instead of {word}?")),
        None => error,
    }
}

/// The token at the place that a text such as ` at Line: 1, Column: 2` names.
fn index_of(text: &str, cursor: &Cursor<'_>, until: usize) -> Option<usize> {
    let (line, column) = text.strip_prefix(" at Line: ")?.split_once(", Column: ")?;
    let place = (line.trim().parse().ok()?, column.trim().parse().ok()?);
    let tokens = cursor.tokens(until);
    let at = tokens.partition_point(|t| (t.span.start.line, t.span.start.column) < place);
    Some(cursor.index() + at)
}

/// A sentence goes on in lower case unless it starts with a word of SQL.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            let rest = &text[first.len_utf8()..];
            first.to_lowercase().chain(rest.chars()).collect()
        }
        _ => text.to_owned(),
    }
}

/// Words that open a part of a query.
const CLAUSES: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "QUALIFY",
    "WINDOW",
    "JOIN",
    "INNER",
    "LEFT",
    "RIGHT",
    "FULL",
    "CROSS",
    "ASOF",
    "MATCH_CONDITION",
    "EMIT",
    "LATE",
    "WITH",
    "DISTINCT",
    "BETWEEN",
    "INTERVAL",
    "VALUES",
    "PARTITION",
    "FILTER",
];
