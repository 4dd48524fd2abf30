//! Reads an account file.

use std::path::Path;

use super::check;
use super::document::Document;
use super::{AccountFile, AccountFileError};

impl AccountFile {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, AccountFileError> {
        let error = |line, message| AccountFileError { path: path.to_owned(), line, message };
        let text = std::fs::read_to_string(path)
            .map_err(|source| error(None, format!("cannot be read: {source}")))?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let at = |(offset, message): (Option<usize>, String)| {
            error(offset.map(|offset| line_of(&text, offset)), message)
        };
        let document = Document::parse(&text).map_err(at)?;
        check::account_file(document, folder).map_err(at)
    }
}

/// The line at a byte offset, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.bytes().take(offset);
    before.filter(|byte| *byte == b'\n').count().saturating_add(1)
}
