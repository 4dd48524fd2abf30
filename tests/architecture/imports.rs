//! Who imports whom: the files of a workspace and the names that each takes from others, resolved
//! as the compiler does.
//!
//! A file depends on the file that defines each item it names in `use` or in a path; re-exports are
//! followed. `mod` lines and `#[cfg(test)]` items count for nothing.
//!
//! # Not covered
//!
//! Methods and fields, which are named without a path; names that a macro of another crate brings
//! into scope.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The text of each file by its path from the root of the workspace.
pub(crate) type Sources = BTreeMap<String, String>;

/// The files of a workspace and what each names.
#[derive(Default)]
pub(crate) struct Imports {
    modules: Vec<Module>,
    libraries: BTreeMap<String, usize>,
    pub(crate) files: Files,
}

/// The files of a workspace by how they are compiled.
#[derive(Default)]
pub(crate) struct Files {
    /// The files that are compiled without `cfg(test)`, with the lines of each that are not.
    pub(crate) production: BTreeMap<String, Vec<Range<usize>>>,
    /// The files that are compiled for tests only.
    pub(crate) tests: BTreeSet<String>,
    /// Where a `#[path]` leads, by file.
    pub(crate) paths: BTreeSet<(String, String)>,
}

/// The names by which one file depends on another.
pub(crate) type Dependencies = BTreeMap<(String, String), BTreeSet<String>>;

struct Module {
    file: String,
    root: usize,
    parent: Option<usize>,
    names: BTreeMap<String, Vec<Definition>>,
    globs: Vec<Vec<String>>,
    uses: Vec<Vec<String>>,
    tokens: Vec<TokenTree>,
}

#[derive(Clone)]
enum Definition {
    Here,
    Module(usize),
    Import(Vec<String>),
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    File(String),
    Module(usize),
}

/// One item, field or statement: its attributes, and what follows them.
struct Item {
    attributes: Vec<TokenStream>,
    tokens: Vec<TokenTree>,
    lines: Range<usize>,
}

impl Imports {
    /// Reads the crates whose root files are given, each with the name by which others import it
    /// (empty: nobody does).
    pub(crate) fn read<'a>(
        sources: &Sources,
        crates: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut imports = Self::default();
        for (name, root) in crates {
            let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
            let module = imports.file(sources, root, folder, None);
            if !name.is_empty() {
                imports.libraries.insert(name.to_owned(), module);
            }
        }
        imports
    }

    /// Each file with the files that it depends on, and by which names.
    pub(crate) fn dependencies(&self) -> Dependencies {
        let mut found = Dependencies::new();
        for (number, module) in self.modules.iter().enumerate() {
            let mut paths = module.uses.clone();
            self.paths_in(number, &module.tokens, &mut paths);
            for path in paths {
                for target in self.resolve(number, &path, 0) {
                    let file = match target {
                        Target::File(file) => file,
                        Target::Module(module) => self.modules[module].file.clone(),
                    };
                    if file != module.file {
                        let edge = found.entry((module.file.clone(), file)).or_default();
                        edge.insert(path.join("::"));
                    }
                }
            }
        }
        found
    }

    /// The words of the code of a file, in their order; `use` lines are left out.
    pub(crate) fn words(&self, file: &str) -> Vec<String> {
        let mut found = Vec::new();
        for module in self.modules.iter().filter(|module| module.file == file) {
            words_of(&module.tokens, &mut found);
        }
        found
    }

    fn file(
        &mut self,
        sources: &Sources,
        name: &str,
        folder: &str,
        parent: Option<usize>,
    ) -> usize {
        let text =
            sources.get(name).unwrap_or_else(|| panic!("{name} is a module and has no file"));
        let tokens = TokenStream::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        self.files.production.entry(name.to_owned()).or_default();
        self.module(sources, name, folder, parent, tokens)
    }

    fn module(
        &mut self,
        sources: &Sources,
        file: &str,
        folder: &str,
        parent: Option<usize>,
        tokens: TokenStream,
    ) -> usize {
        let number = self.modules.len();
        self.modules.push(Module {
            file: file.to_owned(),
            root: parent.map_or(number, |parent| self.modules[parent].root),
            parent,
            names: BTreeMap::new(),
            globs: Vec::new(),
            uses: Vec::new(),
            tokens: Vec::new(),
        });
        for item in items(tokens) {
            let is_test = item.is_test();
            if is_test {
                let cut = self.files.production.entry(file.to_owned()).or_default();
                cut.push(item.lines.clone());
            }
            let (keyword, name) = item.keyword();
            match keyword.as_str() {
                "mod" => {
                    let folder = format!("{folder}/{name}");
                    let body = item.tokens.iter().find_map(|token| match token {
                        TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
                            Some(body.stream())
                        }
                        _ => None,
                    });
                    let child = match body {
                        None => {
                            let (child, folder) = self.file_of(sources, file, &folder, &item);
                            if is_test {
                                self.test_file(sources, &child, &folder);
                                continue;
                            }
                            self.file(sources, &child, &folder, Some(number))
                        }
                        Some(_) if is_test => continue,
                        Some(body) => self.module(sources, file, &folder, Some(number), body),
                    };
                    self.define(number, &name, Definition::Module(child));
                }
                _ if is_test => {}
                "use" => {
                    let mut leaves = Vec::new();
                    let start = item.tokens.iter().position(|token| is_word(token, "use"));
                    let tree = &item.tokens[start.map_or(0, |start| start + 1)..];
                    leaves_of(tree, &[], &mut leaves);
                    for (name, path) in leaves {
                        match name.as_str() {
                            "*" => self.modules[number].globs.push(path),
                            _ => {
                                self.modules[number].uses.push(path.clone());
                                self.define(number, &name, Definition::Import(path));
                            }
                        }
                    }
                }
                _ => {
                    if !name.is_empty() {
                        self.define(number, &name, Definition::Here);
                    }
                    let tokens = item.attributes.iter().cloned().flatten();
                    self.modules[number].tokens.extend(tokens);
                    self.modules[number].tokens.extend(item.tokens);
                }
            }
        }
        number
    }

    /// The file of a module without a body, and the folder of its own modules.
    fn file_of(
        &mut self,
        sources: &Sources,
        file: &str,
        folder: &str,
        item: &Item,
    ) -> (String, String) {
        let path = item.attributes.iter().find_map(|attribute| {
            let text = attribute.to_string();
            let path = text.strip_prefix("path = \"")?;
            Some(path.trim_end_matches('"').to_owned())
        });
        if let Some(path) = path {
            let mut parts: Vec<&str> = file.split('/').collect();
            parts.pop();
            for part in path.split('/') {
                match part {
                    ".." => drop(parts.pop()),
                    part => parts.push(part),
                }
            }
            let target = parts.join("/");
            parts.pop();
            self.files.paths.insert((file.to_owned(), target.clone()));
            return (target, parts.join("/"));
        }
        let flat = format!("{folder}.rs");
        let file = match sources.contains_key(&flat) {
            true => flat,
            false => format!("{folder}/mod.rs"),
        };
        (file, folder.to_owned())
    }

    fn test_file(&mut self, sources: &Sources, name: &str, folder: &str) {
        let text =
            sources.get(name).unwrap_or_else(|| panic!("{name} is a module and has no file"));
        let tokens = TokenStream::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        self.files.tests.insert(name.to_owned());
        for item in items(tokens) {
            let (keyword, child) = item.keyword();
            if keyword == "mod" && item.tokens.iter().any(|token| is_punct(token, ';')) {
                let folder = format!("{folder}/{child}");
                let (child, folder) = self.file_of(sources, name, &folder, &item);
                self.test_file(sources, &child, &folder);
            }
        }
    }

    fn define(&mut self, module: usize, name: &str, definition: Definition) {
        let names = self.modules[module].names.entry(name.to_owned());
        names.or_default().push(definition);
    }

    fn resolve(&self, module: usize, path: &[String], depth: usize) -> BTreeSet<Target> {
        let Some((first, rest)) = path.split_first() else {
            return BTreeSet::new();
        };
        let library = |name: &String| self.libraries.get(name).map(|root| Target::Module(*root));
        let mut targets = match first.as_str() {
            "" => {
                return rest.first().and_then(library).map_or_else(BTreeSet::new, |library| {
                    self.walk(BTreeSet::from([library]), &rest[1..], depth)
                });
            }
            "crate" => BTreeSet::from([Target::Module(self.modules[module].root)]),
            "self" => BTreeSet::from([Target::Module(module)]),
            "super" => self.modules[module].parent.map(Target::Module).into_iter().collect(),
            _ => self.look_up(module, first, depth),
        };
        if targets.is_empty() {
            targets.extend(library(first));
        }
        self.walk(targets, rest, depth)
    }

    fn walk(
        &self,
        mut targets: BTreeSet<Target>,
        rest: &[String],
        depth: usize,
    ) -> BTreeSet<Target> {
        for segment in rest {
            let is_module = |target: &&Target| matches!(target, Target::Module(_));
            let modules: BTreeSet<Target> = targets.iter().filter(is_module).cloned().collect();
            if modules.is_empty() {
                break;
            }
            targets = BTreeSet::new();
            for target in modules {
                let Target::Module(module) = target else {
                    continue;
                };
                let found = match segment.as_str() {
                    "self" => BTreeSet::from([Target::Module(module)]),
                    "super" => {
                        let parent = self.modules[module].parent;
                        parent.map(Target::Module).into_iter().collect()
                    }
                    _ => self.look_up(module, segment, depth),
                };
                // A macro defines what no item does.
                let is_unknown = found.is_empty() && depth == 0;
                targets.extend(found);
                if is_unknown {
                    targets.insert(Target::File(self.modules[module].file.clone()));
                }
            }
        }
        let is_file = |target: &Target| matches!(target, Target::File(_));
        if targets.iter().any(is_file) {
            targets.retain(is_file);
        }
        targets
    }

    fn look_up(&self, module: usize, name: &str, depth: usize) -> BTreeSet<Target> {
        if depth > 16 {
            return BTreeSet::new();
        }
        let mut found = BTreeSet::new();
        let at = &self.modules[module];
        for definition in at.names.get(name).into_iter().flatten() {
            match definition {
                Definition::Here => drop(found.insert(Target::File(at.file.clone()))),
                Definition::Module(module) => drop(found.insert(Target::Module(*module))),
                Definition::Import(path) => found.extend(self.resolve(module, path, depth + 1)),
            }
        }
        if found.is_empty() {
            found = self.look_up_globs(module, name, depth);
        }
        found
    }

    fn look_up_globs(&self, module: usize, name: &str, depth: usize) -> BTreeSet<Target> {
        let mut found = BTreeSet::new();
        for glob in &self.modules[module].globs {
            for target in self.resolve(module, glob, depth + 1) {
                match target {
                    Target::Module(module) => found.extend(self.look_up(module, name, depth + 1)),
                    Target::File(_) => {}
                }
            }
        }
        found
    }

    /// The paths in the code of a module that lead out of it.
    fn paths_in(&self, module: usize, tokens: &[TokenTree], found: &mut Vec<Vec<String>>) {
        let mut at = 0;
        while at < tokens.len() {
            if let Some(end) = test_item(tokens, at) {
                at = end;
                continue;
            }
            let before = at.checked_sub(1).and_then(|before| tokens.get(before));
            match &tokens[at] {
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    self.paths_in(module, &inner, found);
                }
                // Attributes name functions in strings: `#[serde(with = "a::b")]`.
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let text = text.trim_matches('"');
                    let is_path = text.contains("::")
                        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c));
                    if is_path {
                        found.push(text.split("::").map(str::to_owned).collect());
                    }
                }
                TokenTree::Ident(word) if word == "use" => {
                    let end = tokens[at..].iter().position(|token| is_punct(token, ';'));
                    let end = end.map_or(tokens.len(), |end| at + end);
                    let mut leaves = Vec::new();
                    leaves_of(&tokens[at + 1..end], &[], &mut leaves);
                    found.extend(leaves.into_iter().map(|(_, path)| path));
                    at = end;
                }
                TokenTree::Ident(word)
                    if word == "pub" && tokens.get(at + 1).is_some_and(is_parenthesis) =>
                {
                    at += 1;
                }
                TokenTree::Ident(_)
                    if before.is_some_and(|token| ".'".chars().any(|c| is_punct(token, c))) => {}
                TokenTree::Ident(_) if is_relative(tokens, at) => {}
                TokenTree::Ident(first) => {
                    let mut path = vec![first.to_string()];
                    while let (Some(one), Some(two), Some(TokenTree::Ident(next))) =
                        (tokens.get(at + 1), tokens.get(at + 2), tokens.get(at + 3))
                        && is_punct(one, ':')
                        && is_punct(two, ':')
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    let is_macro = tokens.get(at + 1).is_some_and(|token| is_punct(token, '!'));
                    match path.as_slice() {
                        [name] if is_macro => self.textual_macro(module, name, found),
                        [name] => {
                            let targets = self.look_up_globs(module, name, 0);
                            if !self.modules[module].names.contains_key(name)
                                && targets.iter().any(|at| matches!(at, Target::File(_)))
                            {
                                found.push(path);
                            }
                        }
                        _ => found.push(path),
                    }
                }
                TokenTree::Punct(_) => {}
            }
            at += 1;
        }
    }

    /// A macro without a path is that of an enclosing module.
    fn textual_macro(&self, module: usize, name: &String, found: &mut Vec<Vec<String>>) {
        let mut path = vec!["self".to_owned()];
        let mut enclosing = Some(module);
        while let Some(number) = enclosing {
            if self.modules[number].names.contains_key(name) {
                path.push(name.clone());
                found.push(path);
                return;
            }
            path.push("super".to_owned());
            enclosing = self.modules[number].parent;
        }
    }
}

impl Item {
    fn is_test(&self) -> bool {
        self.attributes.iter().any(|attribute| {
            let text = attribute.to_string().replace(' ', "");
            text == "cfg(test)" || text.starts_with("cfg(all(test,") || text == "test"
        })
    }

    /// The keyword and the name; empty where an item has none.
    fn keyword(&self) -> (String, String) {
        let mut tokens = self.tokens.iter().peekable();
        while let Some(token) = tokens.next() {
            let TokenTree::Ident(word) = token else {
                continue;
            };
            let word = word.to_string();
            let next = tokens.peek();
            match word.as_str() {
                "const" if next.is_some_and(|next| is_word(next, "fn")) => {}
                "mod" | "struct" | "enum" | "union" | "trait" | "type" | "fn" | "const"
                | "static" => {
                    let name = tokens.find_map(|token| match token {
                        TokenTree::Ident(name) if name != "mut" => Some(name.to_string()),
                        _ => None,
                    });
                    return (word, name.unwrap_or_default());
                }
                "macro_rules" => {
                    tokens.next();
                    let name = tokens.next().map(ToString::to_string);
                    return (word, name.unwrap_or_default());
                }
                "use" | "impl" => return (word, String::new()),
                _ => {}
            }
        }
        (String::new(), String::new())
    }
}

/// The names of the tests in a text.
pub(crate) fn tests_of(text: &str) -> Vec<String> {
    let tokens = TokenStream::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut found = Vec::new();
    tests_in(tokens, false, &mut found);
    found
}

fn tests_in(tokens: TokenStream, is_proptest: bool, found: &mut Vec<String>) {
    for item in items(tokens) {
        let (keyword, name) = item.keyword();
        let is_test = item.attributes.iter().any(|attribute| {
            let text = attribute.to_string().replace(' ', "");
            text == "test" || text.starts_with("tokio::test")
        });
        if keyword == "fn" && (is_test || is_proptest) {
            found.push(name);
        } else if let Some(TokenTree::Group(body)) = item.tokens.last() {
            let is_proptest = item.tokens.first().is_some_and(|word| is_word(word, "proptest"));
            if keyword == "mod" || is_proptest {
                tests_in(body.stream(), is_proptest, found);
            }
        }
    }
}

fn words_of(tokens: &[TokenTree], found: &mut Vec<String>) {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let Some(end) = test_item(tokens, at) {
            at = end;
            continue;
        }
        match token {
            TokenTree::Ident(word) => found.push(word.to_string()),
            TokenTree::Group(group) => {
                words_of(&group.stream().into_iter().collect::<Vec<_>>(), found);
            }
            _ => {}
        }
        at += 1;
    }
}

fn items(tokens: TokenStream) -> Vec<Item> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let first = at;
        let mut attributes = Vec::new();
        while let Some((attribute, next)) = attribute(&tokens, at) {
            attributes.push(attribute);
            at = next;
        }
        let end = end_of_item(&tokens, at);
        if end > at {
            let start = tokens[first].span().start().line;
            found.push(Item {
                attributes,
                tokens: tokens[at..end].to_vec(),
                lines: start..tokens[end - 1].span().end().line + 1,
            });
        }
        at = end;
    }
    found
}

/// An attribute that opens here, and where it ends.
fn attribute(tokens: &[TokenTree], at: usize) -> Option<(TokenStream, usize)> {
    if !is_punct(tokens.get(at)?, '#') {
        return None;
    }
    let inner = usize::from(is_punct(tokens.get(at + 1)?, '!'));
    match tokens.get(at + 1 + inner)? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            Some((group.stream(), at + 2 + inner))
        }
        _ => None,
    }
}

/// Where the item that opens here ends: behind its body or its semicolon.
fn end_of_item(tokens: &[TokenTree], start: usize) -> usize {
    let word = |at: usize| tokens.get(at).map(ToString::to_string).unwrap_or_default();
    let visibility = match tokens.get(start) {
        Some(token) if is_word(token, "pub") => {
            1 + usize::from(tokens.get(start + 1).is_some_and(is_parenthesis))
        }
        _ => 0,
    };
    let first = start + visibility;
    let has_body = match word(first).as_str() {
        "use" | "static" | "type" | "let" => false,
        "const" => ["fn", "unsafe", "async", "extern"].contains(&word(first + 1).as_str()),
        _ => true,
    };
    let mut at = start;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let is_body =
            matches!(token, TokenTree::Group(body) if body.delimiter() == Delimiter::Brace);
        if is_punct(token, ';') || (has_body && is_body) {
            break;
        }
    }
    at
}

/// Where the test-only item, field or statement that opens here ends.
fn test_item(tokens: &[TokenTree], at: usize) -> Option<usize> {
    let mut end = at;
    let mut attributes = Vec::new();
    while let Some((attribute, next)) = attribute(tokens, end) {
        attributes.push(attribute);
        end = next;
    }
    let item = Item { attributes, tokens: Vec::new(), lines: 0..0 };
    if !item.is_test() {
        return None;
    }
    let comma = tokens[end..].iter().position(|token| is_punct(token, ','));
    let comma = comma.map_or(usize::MAX, |comma| end + comma + 1);
    let is_item = tokens[end..].iter().take(4).any(|token| {
        let items = ["fn", "use", "impl", "mod", "struct", "enum", "const", "let", "type", "trait"];
        items.iter().any(|item| is_word(token, item))
    });
    let end = end_of_item(tokens, end);
    Some(if is_item { end } else { end.min(comma) })
}

/// The leaves of a `use` tree: the name that each brings, and its path.
fn leaves_of(tree: &[TokenTree], before: &[String], found: &mut Vec<(String, Vec<String>)>) {
    for branch in tree.split(|token| is_punct(token, ',')) {
        let mut path = before.to_vec();
        let mut name = None;
        let mut is_done = false;
        for (at, token) in branch.iter().enumerate() {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    name = branch.get(at + 1).map(ToString::to_string);
                    break;
                }
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Punct(star) if star.as_char() == '*' => name = Some("*".to_owned()),
                TokenTree::Punct(colon) if colon.as_char() == ':' && at == 0 => {
                    path.push(String::new());
                }
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    leaves_of(&inner, &path, found);
                    is_done = true;
                }
                _ => {}
            }
        }
        if is_done || path.len() == before.len() && name.is_none() {
            continue;
        }
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let last = path.last().cloned().unwrap_or_default();
        found.push((name.unwrap_or(last), path));
    }
}

/// Whether the name here goes on from a type, as in `<T as Trait>::name` or `Vec::<T>::name`.
fn is_relative(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && is_punct(&tokens[at - 1], ':') && is_punct(&tokens[at - 2], ':')
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_punct(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}

fn is_parenthesis(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis)
}
