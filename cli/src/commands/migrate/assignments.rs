//! The assignments of a `config.py`: literals in the module or in `class Config`, as both samples
//! read them.
//!
//! # Guarantees
//!
//! A value is what Python would have assigned. A line that is not such an assignment, an assignment
//! of another name, an import, a class or a function is a problem. So is every other mention of a
//! field. No value is in the text of a problem.

use std::collections::BTreeMap;

use super::python::{Line, Token, Unreadable, lines};

/// What the samples' servers read.
pub(super) const FIELDS: [&str; 9] = [
    "DURATION_SECOND",
    "NAME",
    "POLICY",
    "PORT",
    "PROXY_HOST",
    "PROXY_TYPE",
    "SECRET_ID",
    "SECRET_KEY",
    "VERSION",
];

/// The class that the samples' servers read.
const CLASS: &str = "Config";

/// A line that is not read, and what to do.
pub(super) struct Problem {
    pub(super) line: usize,
    pub(super) text: String,
}

/// A literal and its line.
pub(super) struct Value {
    pub(super) line: usize,
    pub(super) text: String,
}

/// The fields that are assigned, and the names of other assignments.
#[derive(Default)]
pub(super) struct Assignments {
    pub(super) fields: BTreeMap<&'static str, Value>,
    pub(super) others: Vec<String>,
    /// Texts that a field may name, as `POLICY = COMMON_POLICY` does.
    constants: BTreeMap<String, String>,
    has_class: bool,
}

/// Reads the file as text.
pub(super) fn read(text: &str) -> Result<Assignments, Vec<Problem>> {
    let lines = lines(text).map_err(|Unreadable(line, text)| {
        vec![Problem { line, text: format!("{text}; correct the file") }]
    })?;
    let mut assignments = Assignments::default();
    let mut problems = Vec::new();
    let mut blocks: Vec<Block> = Vec::new();
    for line in &lines {
        while blocks.last().is_some_and(|block| line.indentation <= block.indentation) {
            blocks.pop();
        }
        match assignments.take(line, Scope::of(&blocks)) {
            Ok(Some(scope)) => {
                blocks.push(Block { indentation: line.indentation, scope });
            }
            Ok(None) => {}
            Err(text) => problems.push(Problem { line: line.number, text }),
        }
    }
    if problems.is_empty() { Ok(assignments) } else { Err(problems) }
}

struct Block {
    indentation: usize,
    scope: Scope,
}

/// Where a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The module or `class Config`.
    Read,
    OtherClass,
    Function,
}

impl Scope {
    fn of(blocks: &[Block]) -> Self {
        let outer = blocks.iter().map(|block| block.scope).find(|scope| *scope != Self::Read);
        outer.unwrap_or(Self::Read)
    }
}

impl Assignments {
    /// Takes what the line assigns. A line that begins a block returns the scope of the block.
    fn take(&mut self, line: &Line, scope: Scope) -> Result<Option<Scope>, String> {
        let field = FIELDS.iter().find(|field| line.tokens.iter().any(|it| it.is_name(field)));
        if let (Some(field), true) = (field, scope != Scope::Read) {
            return Err(format!(
                "{field}: must be assigned in class {CLASS} or outside of classes; move the line \
                 there, or remove it"
            ));
        }
        let is_function = scope == Scope::Function;
        match line.tokens.as_slice() {
            tokens if tokens.contains(&Token::Symbol(';')) && !is_function => {
                Err("must be one statement a line; write the others on lines of their own"
                    .to_owned())
            }
            [Token::Symbol('@'), ..] if field.is_none() => Ok(None),
            [Token::Name(word), rest @ ..]
                if field.is_none() && KEYWORDS.contains(&word.as_str()) =>
            {
                self.statement(word, rest, scope)
            }
            _ if is_function => Ok(None),
            [Token::Name(name), Token::Symbol('='), value @ ..]
                if value.first() != Some(&Token::Symbol('=')) =>
            {
                self.assign(name, value, line.number, scope).map(|()| None)
            }
            // A text by itself is a comment.
            tokens if tokens.iter().all(|it| matches!(it, Token::Text(_))) => Ok(None),
            _ => Err(match field {
                Some(field) => format!("{field}: {FORM}; only such assignments are read"),
                None => {
                    "must be NAME = 'text' or NAME = 1800, since nothing is run; remove the line \
                         if it changes no setting"
                        .to_owned()
                }
            }),
        }
    }

    /// A line that begins with a keyword and names no field.
    fn statement(
        &mut self,
        word: &str,
        rest: &[Token],
        scope: Scope,
    ) -> Result<Option<Scope>, String> {
        match word {
            "class" if rest.first().is_some_and(|name| name.is_name(CLASS)) => {
                match std::mem::replace(&mut self.has_class, true) {
                    true => Err(format!("class {CLASS} must be there once; remove one")),
                    false if rest.last() == Some(&Token::Symbol(':')) => Ok(Some(Scope::Read)),
                    false => Err(OWN_LINES.to_owned()),
                }
            }
            "class" if rest.last() == Some(&Token::Symbol(':')) => Ok(Some(Scope::OtherClass)),
            "def" if rest.last() == Some(&Token::Symbol(':')) => Ok(Some(Scope::Function)),
            "class" if rest.last().is_none_or(|last| !last.is_name("pass")) => {
                Err(OWN_LINES.to_owned())
            }
            "from" if rest.contains(&Token::Symbol('*')) => Err(
                "imports everything, and with it maybe settings; write the settings into this file, \
                 or remove the line"
                    .to_owned(),
            ),
            _ if scope == Scope::Function => Ok(None),
            "class" | "def" | "from" | "import" | "pass" => Ok(None),
            _ => Err(format!(
                "`{word}` may or may not run what follows; write plain assignments instead"
            )),
        }
    }

    fn assign(
        &mut self,
        name: &str,
        value: &[Token],
        line: usize,
        scope: Scope,
    ) -> Result<(), String> {
        let literal = self.literal(value);
        let Some(field) = FIELDS.iter().copied().find(|field| *field == name) else {
            if name == CLASS {
                return Err(format!("{CLASS}: must be a class, with its settings below it"));
            }
            if scope == Scope::Read && !self.others.iter().any(|other| other == name) {
                self.others.push(name.to_owned());
                self.constants.extend(literal.ok().map(|text| (name.to_owned(), text)));
            } else {
                // Which value counts depends on the order; a field must not name it.
                self.constants.remove(name);
            }
            return Ok(());
        };
        let text = literal.map_err(|found| format!("{field}: {FORM}; it is {found}"))?;
        if let [Token::Name(constant)] = value {
            self.others.retain(|other| other != constant);
        }
        match self.fields.insert(field, Value { line, text }) {
            Some(first) => {
                Err(format!("{field}: must be assigned once; line {} does it too", first.line))
            }
            None => Ok(()),
        }
    }

    /// A text, a number, or the name of one; otherwise what it is and what to do.
    fn literal(&self, value: &[Token]) -> Result<String, String> {
        let is_text = |token: &Token| matches!(token, Token::Text(_));
        match value {
            [Token::Symbol('('), inner @ .., Token::Symbol(')')] if inner.iter().all(is_text) => {
                self.literal(inner)
            }
            [Token::Number(number)] => Ok(number.replace('_', "")),
            [Token::Name(name)] if self.constants.contains_key(name) => {
                Ok(self.constants.get(name).cloned().unwrap_or_default())
            }
            [_, ..] if value.iter().all(is_text) => {
                let texts = value.iter().filter_map(|token| match token {
                    Token::Text(text) => Some(text.as_str()),
                    _ => None,
                });
                Ok(texts.collect())
            }
            _ => Err(found(value)),
        }
    }
}

const FORM: &str = "must be a literal, for example 'AKIDexample' or 1800";
const OWN_LINES: &str = "the body of a class must be on lines of its own";

/// Statements that are read, skipped or refused as a whole.
const KEYWORDS: [&str; 15] = [
    "class", "def", "del", "elif", "else", "except", "finally", "for", "from", "if", "import",
    "pass", "try", "while", "with",
];

/// What is in the place of a literal, and what to do.
fn found(value: &[Token]) -> String {
    let mut unread = value.iter().filter_map(|token| match token {
        Token::Unread(kind) => Some(*kind),
        _ => None,
    });
    let reads_environment =
        value.iter().any(|it| ["environ", "getenv"].iter().any(|name| it.is_name(name)));
    let calls = value.windows(2).any(|pair| {
        matches!(pair, [Token::Name(_) | Token::Symbol(')' | ']'), Token::Symbol('(')])
    });
    match (unread.next(), reads_environment, calls) {
        (_, true, _) => "a variable of the environment: write '' here, and set the setting of \
                         cos-issuer where that variable is set"
            .to_owned(),
        (Some(kind), _, _) => format!("{kind}: write the text that it results in"),
        (None, _, true) => "a call, and nothing is run: write its result".to_owned(),
        _ => "an expression, and nothing is run: write its result".to_owned(),
    }
}
