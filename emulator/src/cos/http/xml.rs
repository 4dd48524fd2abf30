//! The XML of COS: elements and text.
//!
//! # Guarantees
//!
//! Every text is written escaped, control characters too. Input is bounded in depth and number of
//! elements; a document type, a custom entity or a processing instruction is rejected.
//!
//! # Not covered
//!
//! Attributes and namespaces, which no input needs.

use std::fmt::{Display, Write as _};

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::Event;

/// Writes a document.
pub(crate) struct Writer(String);

/// A whole document with `root` around what `fill` writes.
pub(crate) fn document(root: &str, fill: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer("<?xml version='1.0' encoding='utf-8' ?>\n".to_owned());
    writer.element(root, fill);
    writer.0
}

impl Writer {
    /// An element around what `fill` writes.
    pub(crate) fn element(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.element_with(name, "", fill);
    }

    /// An element with attributes, which are written unescaped.
    pub(crate) fn element_with(
        &mut self,
        name: &str,
        attributes: &'static str,
        fill: impl FnOnce(&mut Self),
    ) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "<{name}{attributes}>");
        fill(self);
        let _ = write!(self.0, "</{name}>");
    }

    /// An element with text only.
    pub(crate) fn text(&mut self, name: &str, value: impl Display) {
        let _ = write!(self.0, "<{name}>{}</{name}>", escaped(&value.to_string()));
    }

    fn raw_text(&mut self, value: &str) {
        self.0.push_str(&escaped(value));
    }

    /// A parsed element.
    pub(crate) fn copy(&mut self, element: &Element) {
        self.element(&element.name, |writer| element.fill(writer));
    }

    /// Like `text`, if there is a value.
    pub(crate) fn optional(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }
}

/// Escapes text. Control characters other than tab and line feed become references: XML 1.0 cannot
/// write them, and a parser that accepts them accepts this form.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped_text = String::with_capacity(text.len());
    for character in escape(text).chars() {
        if character.is_control() && !matches!(character, '\t' | '\n') {
            let _ = write!(escaped_text, "&#{};", u32::from(character));
        } else {
            escaped_text.push(character);
        }
    }
    escaped_text
}

/// A parsed element.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    /// All text directly in it, with its white space.
    pub(crate) text: String,
    pub(crate) children: Vec<Self>,
}

impl Element {
    /// An element with text only.
    pub(crate) fn with_text(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), children: Vec::new() }
    }

    /// All elements of this name below this one, but for those inside of each other. The depth was
    /// limited when it was parsed.
    pub(crate) fn descendants(&mut self, name: &str) -> Vec<&mut Self> {
        let mut found = Vec::new();
        for child in &mut self.children {
            match child.name == name {
                true => found.push(child),
                false => found.extend(child.descendants(name)),
            }
        }
        found
    }

    /// The first child of this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        Some(self.child(name)?.text.as_str())
    }

    /// The element as a document: without white space between elements, attributes and comments.
    pub(crate) fn to_document(&self) -> String {
        document(&self.name, |root| self.fill(root))
    }

    /// Writes what is in the element. Its depth was limited when it was parsed.
    fn fill(&self, writer: &mut Writer) {
        if self.children.is_empty() {
            writer.raw_text(&self.text);
        }
        for child in &self.children {
            writer.element(&child.name, |writer| child.fill(writer));
        }
    }

    /// All children of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// The root of a document; `None` when it is malformed or not allowed.
pub(crate) fn parse(bytes: &[u8]) -> Option<Element> {
    // XML cannot write this character at all, so a response could not repeat it.
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut count = 0_usize;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                count = count.checked_add(1).filter(|count| *count <= MAX_ELEMENTS)?;
                if open.len() == MAX_DEPTH || root.is_some() {
                    return None;
                }
                open.push(named(&start, start.local_name().as_ref())?);
            }
            Event::Empty(start) => {
                count = count.checked_add(1).filter(|count| *count <= MAX_ELEMENTS)?;
                close(named(&start, start.local_name().as_ref())?, &mut open, &mut root)?;
            }
            Event::End(_) => close(open.pop()?, &mut open, &mut root)?,
            Event::Text(text) => add_text(&text.xml10_content(), &mut open)?,
            Event::CData(text) => add_text(&text.xml10_content(), &mut open)?,
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().ok()?;
                let text = match character {
                    Some(character) => character.to_string(),
                    None => resolve_predefined_entity(&reference)?.to_owned(),
                };
                open.last_mut()?.text.push_str(&text);
            }
            Event::Decl(declaration)
                if open.is_empty() && root.is_none() && is_declaration(&declaration) => {}
            Event::Comment(_) => {}
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) => return None,
            Event::Eof => return if open.is_empty() { root } else { None },
        }
    }
}

/// The reader accepts anything that begins with `<?xml` as a declaration, markup included.
fn is_declaration(text: &str) -> bool {
    let rest = text.strip_prefix("xml").map(str::trim_start);
    rest.is_some_and(|rest| rest.starts_with("version=")) && !text.contains(['<', '&', '>'])
}

/// The reader is lenient about tags: `<&a>` and `<a <b>` are not XML.
fn named(tag: &str, name: &str) -> Option<Element> {
    let known = |character: char| character.is_alphanumeric() || "-_.".contains(character);
    let is_name = !name.is_empty() && name.chars().all(known);
    (is_name && !tag.contains(['<', '&']))
        .then(|| Element { name: name.to_owned(), ..Element::default() })
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) -> Option<()> {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_none() => *root = Some(element),
        None => return None,
    }
    Some(())
}

/// Outside the root, only white space is allowed.
fn add_text(text: &str, open: &mut [Element]) -> Option<()> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return None,
    }
    Some(())
}

const MAX_DEPTH: usize = 8;

/// A list of 10 000 parts has 30 001.
const MAX_ELEMENTS: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, MAX_ELEMENTS, document, parse};

    #[test]
    fn what_is_written_is_read_back() {
        let hostile = "a<b>&\"'\r\n]]>中\t\u{1}\u{7f} ";
        let text = document("Root", |root| {
            root.text("Key", hostile);
            root.element("Empty", |_| {});
            root.optional("Left", None::<u8>);
            root.optional("Right", Some(7));
        });
        let root = parse(text.as_bytes()).unwrap();
        assert_eq!(root.text_of("Key"), Some(hostile), "{text}");
        assert_eq!(root.text_of("Empty"), Some(""));
        assert_eq!(root.text_of("Left"), None);
        assert_eq!(root.text_of("Right"), Some("7"));
        assert!(!text.contains('\r') && !text.contains('\u{1}'));
    }

    #[test]
    fn the_forms_that_clients_send() {
        let text = "\u{feff}<?xml version=\"1.0\"?><!-- c --><a xmlns=\"u\"><x:b>1</x:b>\n<b><![CDATA[<2>]]></b><b/></a>\n";
        let root = parse(text.as_bytes()).unwrap();
        let texts: Vec<&str> = root.all("b").map(|child| child.text.as_str()).collect();
        assert_eq!(texts, ["1", "<2>", ""]);
        assert_eq!(parse(b"<a>&quot;&#65;&#x42;&quot;</a>").unwrap().text, "\"AB\"");
    }

    #[test]
    fn refusals() {
        let deep = format!("{}{}", "<a>".repeat(MAX_DEPTH + 1), "</a>".repeat(MAX_DEPTH + 1));
        let many = format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS));
        for text in [
            "",
            "text",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>text",
            "<a>&unknown;</a>",
            "<a><&b/></a>",
            "<a><b <c/></a>",
            "<a><b&c;/></a>",
            "<a>\0</a>",
            "<a>&#0;</a>",
            "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>",
            "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
            "<?php x ?><a/>",
            "<?xml v<a>&b;<!DOCTYPE a?><a/>",
            "<?xml encoding=\"utf-8\"?><a/>",
            "<a><?xml version=\"1.0\"?></a>",
            "<a/><?xml version=\"1.0\"?>",
            deep.as_str(),
            many.as_str(),
        ] {
            let shown: String = text.chars().take(60).collect();
            assert_eq!(parse(text.as_bytes()), None, "{shown}");
        }
        assert_eq!(parse(b"<a>\xff</a>"), None);
    }
}
