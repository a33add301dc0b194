//! A statement as tokens that know their bytes in the text.

use std::ops::Range;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Word};

use super::grammar::Grammar;
use super::scan::Piece;
use crate::error::SqlError;

/// What stands for each character of an address while tokens are cut: a letter nobody types.
const ADDRESS: char = '\u{E0F0}';

/// The function whose table stands for an address or a file: `__external('file:///a.csv')`.
pub const EXTERNAL: &str = "__external";

/// The tokens of a statement without spaces and comments.
#[derive(Debug)]
pub(super) struct Lexed {
    /// The tokens, with lines and columns of the whole text.
    pub(super) tokens: Vec<TokenWithSpan>,
    /// The bytes of each in the whole text.
    pub(super) ranges: Vec<Range<usize>>,
    /// Where the statement ends in the whole text.
    pub(super) end: usize,
}

/// Cuts one statement of `text` into tokens.
pub(super) fn lex(text: &str, piece: &Piece) -> Result<Lexed, SqlError> {
    let source = &text[piece.range.clone()];
    let masked = mask(text, piece);
    let grammar = Grammar::default();
    let tokens = Tokenizer::new(&grammar, &masked).tokenize_with_location();
    let mut places = Places::new(source);
    let tokens = tokens.map_err(|error| {
        let at = piece.range.start + places.offset(error.location);
        SqlError::syntax(in_our_words(&error.message)).at(at)
    })?;
    let base = location(&text[..piece.range.start]);
    let mut lexed = Lexed { tokens: Vec::new(), ranges: Vec::new(), end: piece.range.end };
    for mut token in tokens {
        if matches!(token.token, Token::Whitespace(_) | Token::EOF) {
            continue;
        }
        let start = piece.range.start + places.offset(token.span.start);
        let end = piece.range.start + places.offset(token.span.end);
        let range = start..end;
        token.span = Span::new(shift(base, token.span.start), shift(base, token.span.end));
        match &token.token {
            Token::Word(word) if word.value.starts_with(ADDRESS) => {
                lexed.push_external(text[range.clone()].to_owned(), token.span, range);
            }
            _ => lexed.push(token.token, token.span, range),
        }
    }
    lexed.drop_table_words();
    lexed.files_to_relations();
    Ok(lexed)
}

/// The statement with each address as one word of the same number of characters.
fn mask(text: &str, piece: &Piece) -> String {
    let mut masked = String::new();
    let mut at = piece.range.start;
    for address in &piece.addresses {
        masked.push_str(&text[at..address.start]);
        masked.extend(text[address.clone()].chars().map(|_| ADDRESS));
        at = address.end;
    }
    masked.push_str(&text[at..piece.range.end]);
    masked
}

fn in_our_words(message: &str) -> String {
    let message = message.trim();
    match message.strip_prefix("Unterminated") {
        Some(rest) => format!("the{} is not closed", rest.to_lowercase()),
        None => message.to_lowercase(),
    }
}

impl Lexed {
    fn push(&mut self, token: Token, span: Span, range: Range<usize>) {
        self.tokens.push(TokenWithSpan { token, span });
        self.ranges.push(range);
    }

    fn push_external(&mut self, address: String, span: Span, range: Range<usize>) {
        for token in external(address) {
            self.push(token, span, range.clone());
        }
    }

    /// Takes TABLE out of `TUMBLE(TABLE src, ..)` and `DATA => TABLE src`, where it says nothing.
    fn drop_table_words(&mut self) {
        let word = |at: usize| match self.tokens.get(at).map(|token| &token.token) {
            Some(Token::Word(word)) => Some(word.value.to_ascii_lowercase()),
            _ => None,
        };
        let is = |at: usize, token: Token| self.tokens.get(at).is_some_and(|t| t.token == token);
        let silent = |at: usize| {
            let windows = ["tumble", "hop", "slide", "session", "cumulate"];
            let before = at.checked_sub(2).and_then(word).unwrap_or_default();
            word(at).is_some_and(|word| word == "table")
                && word(at + 1).is_some()
                && (is(at - 1, Token::LParen) && windows.contains(&before.as_str())
                    || is(at - 1, Token::RArrow) && before == "data")
        };
        let drop: Vec<usize> = (2..self.tokens.len()).filter(|at| silent(*at)).collect();
        for at in drop.into_iter().rev() {
            self.tokens.remove(at);
            self.ranges.remove(at);
        }
    }

    /// Makes of each quoted text that stands where a relation stands a call of [`EXTERNAL`].
    fn files_to_relations(&mut self) {
        if !self.tokens.iter().any(|token| is_text(&token.token)) {
            return;
        }
        let relations = relations(&self.tokens);
        let tokens = std::mem::take(&mut self.tokens);
        let ranges = std::mem::take(&mut self.ranges);
        let mut relations = relations.into_iter().peekable();
        for (at, (token, range)) in tokens.into_iter().zip(ranges).enumerate() {
            match token.token {
                Token::SingleQuotedString(path) if relations.next_if_eq(&at).is_some() => {
                    self.push_external(path, token.span, range);
                }
                other => self.push(other, token.span, range),
            }
        }
    }
}

fn external(address: String) -> [Token; 4] {
    let name = Word { value: EXTERNAL.to_owned(), quote_style: None, keyword: Keyword::NoKeyword };
    [Token::Word(name), Token::LParen, Token::SingleQuotedString(address), Token::RParen]
}

fn is_text(token: &Token) -> bool {
    matches!(token, Token::SingleQuotedString(_))
}

/// One level of parentheses: whether it holds a query, and whether its FROM clause is open.
#[derive(Clone, Copy, Default)]
struct Level {
    query: bool,
    from: bool,
}

/// The quoted texts that stand where a relation stands: behind FROM, JOIN or a comma between
/// relations, of a query and not of `extract(hour FROM '..')`.
fn relations(tokens: &[TokenWithSpan]) -> Vec<usize> {
    let mut levels = vec![Level::default()];
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some(level) = levels.last_mut() else { break };
        let opens = match &token.token {
            Token::LParen => {
                levels.push(Level::default());
                continue;
            }
            Token::RParen => {
                levels.pop();
                if levels.is_empty() {
                    levels.push(Level::default());
                }
                continue;
            }
            Token::Comma => level.from,
            Token::Word(word) => level.word(word.keyword, at.checked_sub(1).map(|i| &tokens[i])),
            _ => continue,
        };
        if opens && tokens.get(at + 1).is_some_and(|next| is_text(&next.token)) {
            found.push(at + 1);
        }
    }
    found
}

impl Level {
    /// Takes in a word and says whether a relation follows it.
    fn word(&mut self, keyword: Keyword, before: Option<&TokenWithSpan>) -> bool {
        match keyword {
            Keyword::SELECT => *self = Level { query: true, from: false },
            // IS DISTINCT FROM compares.
            Keyword::FROM if !is_keyword(before, Keyword::DISTINCT) => {
                self.from = self.query;
                return self.from;
            }
            Keyword::JOIN => return self.from,
            Keyword::WHERE
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::QUALIFY
            | Keyword::WINDOW
            | Keyword::ORDER
            | Keyword::LIMIT
            | Keyword::UNION
            | Keyword::EXCEPT
            | Keyword::INTERSECT => self.from = false,
            _ => {}
        }
        false
    }
}

fn is_keyword(token: Option<&TokenWithSpan>, keyword: Keyword) -> bool {
    matches!(token.map(|t| &t.token), Some(Token::Word(word)) if word.keyword == keyword)
}

/// Turns lines and columns, which come in order, into bytes.
struct Places<'a> {
    text: &'a str,
    at: usize,
    line: u64,
    column: u64,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Places<'a> {
        Places { text, at: 0, line: 1, column: 1 }
    }

    /// The byte at a place that is not before the one asked for last.
    fn offset(&mut self, place: Location) -> usize {
        let mut chars = self.text[self.at..].chars();
        while (self.line, self.column) < (place.line, place.column) {
            let Some(c) = chars.next() else { break };
            self.at += c.len_utf8();
            (self.line, self.column) =
                if c == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
        }
        self.at
    }
}

/// The place behind `text`.
fn location(text: &str) -> Location {
    let line = text.matches('\n').count() as u64 + 1;
    let start = text.rfind('\n').map_or(0, |at| at + 1);
    Location::new(line, text[start..].chars().count() as u64 + 1)
}

/// A place of a part, as a place of the whole of which the part starts at `base`.
fn shift(base: Location, place: Location) -> Location {
    let column = if place.line == 1 { place.column + base.column - 1 } else { place.column };
    Location::new(place.line + base.line - 1, column)
}

/// The byte of `text` at a line and a column, as the parts of a query bear them.
pub fn offset_of(text: &str, place: Location) -> usize {
    Places::new(text).offset(place)
}
