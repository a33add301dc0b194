//! A place among the tokens of a statement, and what can be asked and taken there.

use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::near::nearest;
use super::syntax::Name;
use super::token::Lexed;
use crate::error::SqlError;
use crate::limits::NAME_BYTES_MAX;

/// Reads tokens from left to right.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    lexed: &'a Lexed,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, lexed: &'a Lexed) -> Cursor<'a> {
        Cursor { text, lexed, at: 0 }
    }

    /// The index of the next token.
    pub(super) fn index(&self) -> usize {
        self.at
    }

    /// The index behind the last token.
    pub(super) fn end(&self) -> usize {
        self.lexed.tokens.len()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.end()
    }

    pub(super) fn move_to(&mut self, index: usize) {
        self.at = index;
    }

    /// The tokens from here up to `until`.
    pub(super) fn tokens(&self, until: usize) -> &'a [TokenWithSpan] {
        &self.lexed.tokens[self.at..until]
    }

    /// The byte of the text at which the next token starts.
    pub(super) fn position(&self) -> usize {
        self.position_of(self.at)
    }

    /// The byte of the text at which a token starts, or at which the statement ends.
    pub(super) fn position_of(&self, index: usize) -> usize {
        self.lexed.ranges.get(index).map_or(self.lexed.end, |range| range.start)
    }

    /// The text of the tokens from `from` up to `until`.
    pub(super) fn source(&self, from: usize, until: usize) -> &'a str {
        match (self.lexed.ranges.get(from), until.checked_sub(1)) {
            (Some(first), Some(last)) if from < until => {
                &self.text[first.start..self.lexed.ranges[last].end]
            }
            _ => "",
        }
    }

    /// The token `ahead` of the next one.
    pub(super) fn peek(&self, ahead: usize) -> Option<&'a Token> {
        self.lexed.tokens.get(self.at + ahead).map(|token| &token.token)
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    /// The word at `index`, unless it is quoted.
    pub(super) fn plain_word(&self, index: usize) -> Option<&'a str> {
        match &self.lexed.tokens.get(index)?.token {
            Token::Word(Word { value, quote_style: None, .. }) => Some(value),
            _ => None,
        }
    }

    /// Whether the word `ahead` of the next token is `word`.
    pub(super) fn is(&self, ahead: usize, word: &str) -> bool {
        self.plain_word(self.at + ahead).is_some_and(|found| found.eq_ignore_ascii_case(word))
    }

    /// Takes the words if all of them come next.
    pub(super) fn take(&mut self, words: &[&str]) -> bool {
        let all = words.iter().enumerate().all(|(ahead, word)| self.is(ahead, word));
        self.at += if all { words.len() } else { 0 };
        all
    }

    pub(super) fn take_token(&mut self, token: &Token) -> bool {
        let found = self.peek(0) == Some(token);
        self.at += usize::from(found);
        found
    }

    /// Takes the words, or says that they are missing.
    pub(super) fn expect(&mut self, words: &[&str]) -> Result<(), SqlError> {
        for word in words {
            if !self.take(&[word]) {
                return Err(self.unexpected(&[word]));
            }
        }
        Ok(())
    }

    pub(super) fn expect_token(&mut self, token: &Token) -> Result<(), SqlError> {
        if self.take_token(token) {
            return Ok(());
        }
        Err(self.unexpected_at(self.at, &format!("\"{token}\"")))
    }

    pub(super) fn expect_end(&self) -> Result<(), SqlError> {
        if self.is_at_end() {
            return Ok(());
        }
        Err(self.unexpected_at(self.at, "the end of the statement"))
    }

    /// The error that one of `words` was expected, with the nearest of them as advice.
    pub(super) fn unexpected(&self, words: &[&str]) -> SqlError {
        let expected = match words {
            [.., last] if words.len() > 1 => {
                format!("{} or {last}", words[..words.len() - 1].join(", "))
            }
            _ => words.concat(),
        };
        let error = self.unexpected_at(self.at, &expected);
        let word = self.plain_word(self.at);
        match word.and_then(|word| nearest(word, words.iter().copied())) {
            Some(near) => error.hint(format!("Did you mean {near}?")),
            None => error,
        }
    }

    /// The error that something else was expected at a token.
    pub(super) fn unexpected_at(&self, index: usize, expected: &str) -> SqlError {
        let found = match self.lexed.ranges.get(index) {
            Some(range) => format!("\"{}\"", shorten(&self.text[range.clone()])),
            None => "the end of the statement".to_owned(),
        };
        SqlError::syntax(format!("expected {expected}, found {found}")).at(self.position_of(index))
    }

    /// A word as a name of a `what`: in lower case unless it is quoted.
    pub(super) fn identifier(&mut self, what: &str) -> Result<String, SqlError> {
        let Some(Token::Word(word)) = self.peek(0) else {
            return Err(self.unexpected_at(self.at, &format!("the name of a {what}")));
        };
        let name = match word.quote_style {
            Some(_) => word.value.clone(),
            None => word.value.to_lowercase(),
        };
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            let error = crate::schema::check_name(what, &name).err();
            return Err(error.unwrap_or_else(|| SqlError::invalid_name(name)).at(self.position()));
        }
        self.advance();
        Ok(name)
    }

    /// `name` or `schema.name`.
    pub(super) fn name(&mut self, what: &str) -> Result<Name, SqlError> {
        let at = self.position();
        let first = self.identifier(what)?;
        if !self.take_token(&Token::Period) {
            return Ok(Name { schema: None, name: first, at });
        }
        let name = self.identifier(what)?;
        Ok(Name { schema: Some(first), name, at })
    }

    /// `(a, b, ..)`, each read by `read`.
    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Cursor<'a>) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        self.expect_token(&Token::LParen)?;
        let mut items = Vec::new();
        if self.take_token(&Token::RParen) {
            return Ok(items);
        }
        loop {
            items.push(read(self)?);
            if self.take_token(&Token::RParen) {
                return Ok(items);
            }
            if !self.take_token(&Token::Comma) {
                return Err(self.unexpected_at(self.at, "\",\" or \")\""));
            }
        }
    }

    /// The text of a quoted string.
    pub(super) fn text(&mut self, what: &str) -> Result<String, SqlError> {
        match self.peek(0).and_then(text_of) {
            Some(text) => {
                self.advance();
                Ok(text.to_owned())
            }
            None => Err(self.unexpected_at(self.at, what)),
        }
    }

    /// The index of the first token from here on, outside parentheses, at which `stop` holds; or
    /// of the parenthesis that closes what surrounds the cursor; or of the end.
    pub(super) fn find(&self, stop: impl Fn(&Cursor<'a>) -> bool) -> usize {
        let mut ahead = Cursor { text: self.text, lexed: self.lexed, at: self.at };
        let mut depth = 0_usize;
        while let Some(token) = ahead.peek(0) {
            if depth == 0 && stop(&ahead) {
                break;
            }
            match token {
                Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
                Token::RParen | Token::RBracket | Token::RBrace => match depth.checked_sub(1) {
                    Some(less) => depth = less,
                    None => break,
                },
                _ => {}
            }
            ahead.advance();
        }
        ahead.at
    }
}

/// The text of a token that is a quoted string.
pub(super) fn text_of(token: &Token) -> Option<&str> {
    match token {
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => Some(text),
        Token::DollarQuotedString(quoted) => Some(&quoted.value),
        _ => None,
    }
}

/// What is shown of a long token.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
