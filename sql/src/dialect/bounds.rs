//! What a statement may be made of, checked on its tokens: nothing that goes through here makes a
//! recursive walk overflow its stack or a parser go back over the same tokens for ever.

use std::ops::Range;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::token::Lexed;
use crate::error::SqlError;
use crate::limits::{IN_LIST_MAX, NESTING_MAX, STATEMENT_DEPTH_MAX, STATEMENT_TOKENS_MAX};

/// Words and operators in a row that each may open an expression: the parser recurses at each
/// without counting. No clause of the language has half as many.
const RUN_MAX: usize = 24;

/// What is open: a parenthesis, a bracket, a CASE, or the statement itself.
#[derive(Default)]
struct Level {
    /// ANDs, ORs and set operators since the last comma or clause.
    outer: usize,
    /// Other operators since the last of those.
    inner: usize,
    /// Words and operators in a row that each may open an expression.
    run: usize,
    /// Elements so far, where this is the list of an IN.
    elements: Option<usize>,
    /// Whether CASE opened it.
    case: bool,
}

impl Level {
    fn depth(&self) -> usize {
        self.outer + self.inner + self.run
    }
}

/// Refuses a statement with too many tokens, levels or elements of an IN list, and says how many
/// levels of parentheses it has.
pub(super) fn check(lexed: &Lexed) -> Result<usize, SqlError> {
    let count = lexed.tokens.len();
    if count > STATEMENT_TOKENS_MAX {
        let error = SqlError::limit_exceeded("tokens of a statement", count, STATEMENT_TOKENS_MAX);
        return Err(error.at(lexed.ranges[STATEMENT_TOKENS_MAX].start));
    }
    let mut levels = vec![Level::default()];
    // The depth of all levels but the innermost.
    let mut below = 0;
    let mut deepest = 0;
    for (at, token) in lexed.tokens.iter().enumerate() {
        below = step(&mut levels, below, lexed, at);
        deepest = deepest.max(levels.len());
        let level = levels.last().map_or(0, Level::depth);
        let depth = below + level + levels.len();
        let run = levels.last().map_or(0, |level| level.run);
        if levels.len() > NESTING_MAX || depth > STATEMENT_DEPTH_MAX || run > RUN_MAX {
            return Err(too_deep(levels.len(), &lexed.ranges[at]));
        }
        let elements = levels.last().and_then(|level| level.elements).unwrap_or(0);
        if elements > IN_LIST_MAX && token.token == Token::Comma {
            let error = SqlError::limit_exceeded("elements of an IN list", elements, IN_LIST_MAX);
            let hint = "Put the values into a relation and join it.";
            return Err(error.hint(hint).at(lexed.ranges[at].start));
        }
    }
    Ok(deepest)
}

fn too_deep(nesting: usize, range: &Range<usize>) -> SqlError {
    let message = if nesting > NESTING_MAX {
        format!("more than {NESTING_MAX} levels of parentheses, brackets and CASE")
    } else {
        format!("an expression of more than {STATEMENT_DEPTH_MAX} levels")
    };
    let hint = "Name parts of it in a WITH clause or in views of their own.";
    SqlError::too_complex(message).hint(hint).at(range.start)
}

/// Takes in token `at` and gives the depth of all levels but the innermost.
fn step(levels: &mut Vec<Level>, below: usize, lexed: &Lexed, at: usize) -> usize {
    let token = &lexed.tokens[at].token;
    let case = matches!(token, Token::Word(word) if word.keyword == Keyword::CASE);
    if case || matches!(token, Token::LParen | Token::LBracket | Token::LBrace) {
        let below = below + levels.last().map_or(0, Level::depth);
        let list = *token == Token::LParen && is_in(at.checked_sub(1).map(|i| &lexed.tokens[i]));
        levels.push(Level { elements: list.then_some(1), case, ..Level::default() });
        return below;
    }
    let ends = matches!(token, Token::Word(word) if word.keyword == Keyword::END)
        && levels.last().is_some_and(|level| level.case);
    if (ends || matches!(token, Token::RParen | Token::RBracket | Token::RBrace))
        && levels.len() > 1
    {
        levels.pop();
        // A call or a subscript hangs below what it is applied to.
        let Some(level) = levels.last_mut() else { return below };
        let below = below.saturating_sub(level.depth());
        level.inner += usize::from(*token == Token::RBracket);
        level.run = 0;
        return below;
    }
    if let Some(level) = levels.last_mut() {
        level.token(token);
    }
    below
}

impl Level {
    fn token(&mut self, token: &Token) {
        match token {
            Token::Comma => {
                self.elements = self.elements.map(|count| count + 1);
                (self.outer, self.inner, self.run) = (0, 0, 0);
            }
            Token::Word(word) => self.word(word),
            Token::Period => {}
            Token::Number(..) | Token::SingleQuotedString(_) | Token::Placeholder(_) => {
                self.run = 0;
            }
            _ => {
                self.inner += 1;
                self.run += 1;
            }
        }
    }

    fn word(&mut self, word: &Word) {
        match word.keyword {
            Keyword::NoKeyword => self.run = 0,
            Keyword::AND
            | Keyword::OR
            | Keyword::UNION
            | Keyword::EXCEPT
            | Keyword::INTERSECT
            | Keyword::JOIN => {
                self.outer += 1;
                (self.inner, self.run) = (0, 0);
            }
            Keyword::FROM
            | Keyword::WHERE
            | Keyword::HAVING
            | Keyword::QUALIFY
            | Keyword::GROUP
            | Keyword::ORDER
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE => (self.inner, self.run) = (0, 0),
            Keyword::IS
            | Keyword::IN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::SIMILAR
            | Keyword::BETWEEN
            | Keyword::COLLATE
            | Keyword::AT => self.inner += 1,
            _ => self.run += 1,
        }
    }
}

fn is_in(token: Option<&TokenWithSpan>) -> bool {
    matches!(token.map(|t| &t.token), Some(Token::Word(word)) if word.keyword == Keyword::IN)
}
