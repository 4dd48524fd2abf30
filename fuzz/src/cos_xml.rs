//! The three documents that COS accepts: Delete, CompleteMultipartUpload, CORSConfiguration.
//!
//! # Guarantees tested
//!
//! No input crashes the parser. A parsed document has the content that a naive reader of plain
//! documents finds, and the same when it is written again. Limits hold.

use std::collections::BTreeSet;

use cos_emulator::fuzzing::{complete, cors, delete};

/// Tries one input. Returns whether it was one of the documents.
pub fn cos_xml(bytes: &[u8]) -> bool {
    let plain = std::str::from_utf8(bytes).ok().and_then(plain);
    let is_taken = [
        is_delete(bytes, plain.as_ref()),
        is_complete(bytes, plain.as_ref()),
        is_cors(bytes, plain.as_ref()),
    ]
    .contains(&true);
    assert!(!is_taken || !expands(bytes), "an entity of its own");
    is_taken
}

fn is_delete(bytes: &[u8], plain: Option<&Node>) -> bool {
    let deleted = delete(bytes);
    if let Ok((keys, is_quiet)) = &deleted {
        assert!((1..=1000).contains(&keys.len()) && keys.iter().all(|key| !key.is_empty()));
        if let Some(root) = plain {
            assert_eq!(root.name, "Delete");
            let read: Vec<&str> =
                root.all("Object").filter_map(|object| object.text("Key")).collect();
            assert_eq!(&read, keys);
            assert_eq!(root.text("Quiet").is_some_and(|text| text.trim() == "true"), *is_quiet);
        }
        let objects =
            keys.iter().map(|key| format!("<Object><Key>{}</Key></Object>", escaped(key)));
        let again =
            format!("<Delete><Quiet>{is_quiet}</Quiet>{}</Delete>", objects.collect::<String>());
        assert_eq!(delete(again.as_bytes()), deleted, "written anew");
    }
    deleted.is_ok()
}

fn is_complete(bytes: &[u8], plain: Option<&Node>) -> bool {
    let completed = complete(bytes);
    if let Ok(parts) = &completed {
        assert!(parts.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(parts.iter().all(|(number, _)| (1..=10_000).contains(number)) && !parts.is_empty());
        if let Some(root) = plain {
            let number =
                |part: &Node| part.text("PartNumber").and_then(|text| text.trim().parse().ok());
            let read: Vec<u16> = root.all("Part").filter_map(number).collect();
            let numbers: Vec<u16> = parts.iter().map(|(number, _)| *number).collect();
            assert_eq!(read, numbers);
        }
    }
    completed.is_ok()
}

fn is_cors(bytes: &[u8], plain: Option<&Node>) -> bool {
    let rules = cors(bytes);
    if let Ok(shown) = &rules {
        assert_eq!(cors(shown.as_bytes()).as_ref(), Ok(shown), "shown anew");
        let shown = plain_or_panic(shown);
        let known: BTreeSet<&str> = ["PUT", "GET", "POST", "DELETE", "HEAD"].into();
        for rule in shown.all("CORSRule") {
            assert!(rule.all("AllowedMethod").all(|method| known.contains(method.text.as_str())));
            assert!(rule.all("AllowedOrigin").all(|origin| origin.text.matches('*').count() < 2));
            assert!(rule.all("AllowedOrigin").count() > 0 && rule.all("AllowedMethod").count() > 0);
        }
        if let Some(root) = plain {
            let origins = |root: &Node| -> Vec<String> {
                let rules = root.all("CORSRule").flat_map(|rule| rule.all("AllowedOrigin"));
                rules.map(|origin| origin.text.trim().to_owned()).collect()
            };
            assert_eq!(origins(root), origins(&shown));
        }
    }
    rules.is_ok()
}

/// Whether a document has a type, or names an entity that XML does not have by itself. What
/// comments and CDATA hide is not looked at.
fn expands(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    if text.contains("<!--") || text.contains("<![CDATA[") {
        return false;
    }
    let known = ["amp;", "lt;", "gt;", "quot;", "apos;", "#"];
    let is_known = |rest: &str| known.iter().any(|known| rest.starts_with(known));
    // Attributes are ignored, so they may contain anything.
    let is_plain = !text.contains(['"', '\'']);
    text.contains("<!DOCTYPE") || (is_plain && !text.split('&').skip(1).all(is_known))
}

/// An element of a plain document: no attribute, prefix, comment, CDATA or declaration.
struct Node {
    name: String,
    text: String,
    children: Vec<Self>,
}

impl Node {
    fn all<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        let first = self.children.iter().find(|child| child.name == name);
        first.map(|child| child.text.as_str())
    }
}

fn plain_or_panic(text: &str) -> Node {
    let body = text.split_once("?>").map_or(text, |(_, rest)| rest);
    plain(body).expect("what is shown is plain")
}

/// The root of a plain document; `None` for any other.
fn plain(text: &str) -> Option<Node> {
    let text = text.trim_matches([' ', '\n', '\t']);
    let (root, rest) = element(text, 0)?;
    // Line ends are normalised by the book, and this reader leaves that out.
    (rest.is_empty() && !text.contains(['\r', '\u{85}', '\u{2028}'])).then_some(root)
}

fn element(text: &str, depth: usize) -> Option<(Node, &str)> {
    let (name, mut rest) = text.strip_prefix('<')?.split_once('>')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_name || depth > 8 {
        return None;
    }
    let mut node = Node { name: name.to_owned(), text: String::new(), children: Vec::new() };
    loop {
        let (before, _) = rest.split_at_checked(rest.find('<')?)?;
        node.text.push_str(&unescaped(before)?);
        rest = &rest[before.len()..];
        if let Some(closed) = rest.strip_prefix("</") {
            let after = closed.strip_prefix(name)?.strip_prefix('>')?;
            return Some((node, after));
        }
        let (child, after) = element(rest, depth + 1)?;
        node.children.push(child);
        rest = after;
    }
}

fn unescaped(text: &str) -> Option<String> {
    let mut pieces = text.split('&');
    let mut plain = pieces.next()?.to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once(';')?;
        plain.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            name => char::from_u32(name.strip_prefix('#')?.parse().ok()?)?,
        });
        plain.push_str(rest);
    }
    Some(plain)
}

fn escaped(text: &str) -> String {
    let escaped = text.chars().map(|character| match character {
        '<' | '>' | '&' | '"' | '\'' => format!("&#{};", u32::from(character)),
        _ if character.is_control() => format!("&#{};", u32::from(character)),
        _ => character.to_string(),
    });
    escaped.collect()
}
