//! A file of Python as logical lines of tokens. Nothing is run.
//!
//! # Not covered
//!
//! Text inside the braces of an f-string that repeats its quotes (Python 3.12).

use std::iter::Peekable;
use std::str::Chars;

/// One logical line: brackets and backslashes have joined the lines of the file.
#[derive(Default)]
pub(super) struct Line {
    /// The first line of the file, from 1.
    pub(super) number: usize,
    pub(super) indentation: usize,
    pub(super) tokens: Vec<Token>,
}

#[derive(PartialEq, Eq)]
pub(super) enum Token {
    Name(String),
    Number(String),
    /// The text of a literal.
    Text(String),
    /// A literal whose value is not simply its text, and what it is.
    Unread(&'static str),
    Symbol(char),
}

impl Token {
    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self, Self::Name(text) if text == name)
    }
}

/// What cannot be split into tokens: the line and why.
pub(super) struct Unreadable(pub(super) usize, pub(super) &'static str);

/// The logical lines that have tokens.
pub(super) fn lines(text: &str) -> Result<Vec<Line>, Unreadable> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let mut lexer = Lexer { chars: text.chars().peekable(), number: 1, depth: 0 };
    let mut lines = Vec::new();
    while lexer.chars.peek().is_some() {
        let line = lexer.line()?;
        if !line.tokens.is_empty() {
            lines.push(line);
        }
    }
    Ok(lines)
}

struct Lexer<'t> {
    chars: Peekable<Chars<'t>>,
    number: usize,
    /// How many brackets are open.
    depth: usize,
}

impl Lexer<'_> {
    fn line(&mut self) -> Result<Line, Unreadable> {
        let indentation = self.indentation();
        let mut line = Line { number: self.number, indentation, tokens: Vec::new() };
        while let Some(c) = self.next() {
            match c {
                '\n' if self.depth == 0 => break,
                ' ' | '\t' | '\u{c}' | '\n' => {}
                '#' => while self.next_if(|c| c != '\n').is_some() {},
                '\\' if self.next_if(|c| c == '\n').is_some() => {}
                '\'' | '"' => line.tokens.push(self.string("", c)?),
                c if c.is_ascii_digit() => {
                    let text = self.word(c, |c| c.is_ascii_alphanumeric() || "_.".contains(c));
                    line.tokens.push(Token::Number(text));
                }
                c if c.is_ascii_alphabetic() || c == '_' => {
                    let name = self.word(c, |c| c.is_ascii_alphanumeric() || c == '_');
                    line.tokens.push(match self.next_if(|c| "'\"".contains(c)) {
                        Some(quote) => self.string(&name, quote)?,
                        None => Token::Name(name),
                    });
                }
                // Python normalises names: another spelling would be the same name.
                c if !c.is_ascii() => {
                    return Err(Unreadable(self.number, "names must be ASCII, for example PORT"));
                }
                c => {
                    match c {
                        '(' | '[' | '{' => self.depth = self.depth.saturating_add(1),
                        ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
                        _ => {}
                    }
                    line.tokens.push(Token::Symbol(c));
                }
            }
        }
        match self.depth {
            0 => Ok(line),
            _ => Err(Unreadable(line.number, "a bracket must be closed")),
        }
    }

    /// A tab ends at the next multiple of eight, as in Python.
    fn indentation(&mut self) -> usize {
        let mut width: usize = 0;
        while let Some(c) = self.next_if(|c| c == ' ' || c == '\t') {
            let step = if c == '\t' { 8_usize.saturating_sub(width % 8) } else { 1 };
            width = width.saturating_add(step);
        }
        width
    }

    /// A string literal after its first quote.
    fn string(&mut self, prefix: &str, quote: char) -> Result<Token, Unreadable> {
        let start = self.number;
        let is_triple = self.next_if(|c| c == quote).is_some();
        if is_triple && self.next_if(|c| c == quote).is_none() {
            return Ok(literal(prefix, Some(String::new())));
        }
        let mut value = Some(String::new());
        let mut quotes: usize = 0;
        loop {
            let Some(c) = self.next().filter(|c| is_triple || *c != '\n') else {
                return Err(Unreadable(start, "a text must be closed"));
            };
            let mut add = |c| value.iter_mut().for_each(|text| text.push(c));
            if c == quote {
                quotes = quotes.saturating_add(1);
                if !is_triple || quotes == 3 {
                    break;
                }
                continue;
            }
            (0..std::mem::take(&mut quotes)).for_each(|_| add(quote));
            match c {
                '\\' => {
                    let Some(next) = self.next() else { continue };
                    match escaped(next).filter(|_| !is_raw(prefix)) {
                        Some("") => {}
                        Some(text) => text.chars().for_each(add),
                        None if is_raw(prefix) => ['\\', next].into_iter().for_each(add),
                        None => value = None,
                    }
                }
                c => add(c),
            }
        }
        Ok(literal(prefix, value))
    }

    fn word(&mut self, first: char, is_part: impl Fn(char) -> bool) -> String {
        let mut text = String::from(first);
        while let Some(c) = self.next_if(&is_part) {
            text.push(c);
        }
        text
    }

    fn next(&mut self) -> Option<char> {
        let next = self.chars.next();
        if next == Some('\n') {
            self.number = self.number.saturating_add(1);
        }
        next
    }

    fn next_if(&mut self, is_wanted: impl Fn(char) -> bool) -> Option<char> {
        self.chars.peek().copied().filter(|c| is_wanted(*c)).and_then(|_| self.next())
    }
}

fn is_raw(prefix: &str) -> bool {
    prefix.eq_ignore_ascii_case("r")
}

/// The text of the escapes that settings use.
fn escaped(c: char) -> Option<&'static str> {
    match c {
        '\n' => Some(""),
        'n' => Some("\n"),
        't' => Some("\t"),
        '\\' => Some("\\"),
        '\'' => Some("'"),
        '"' => Some("\""),
        _ => None,
    }
}

fn literal(prefix: &str, value: Option<String>) -> Token {
    match (prefix.to_ascii_lowercase().as_str(), value) {
        ("" | "u" | "r", Some(text)) => Token::Text(text),
        ("" | "u" | "r", None) => Token::Unread("an escape such as \\x41"),
        ("f" | "fr" | "rf", _) => Token::Unread("an f-string"),
        _ => Token::Unread("a text with a prefix such as b''"),
    }
}
