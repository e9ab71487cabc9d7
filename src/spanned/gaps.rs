//! What of a document could not be read: so that nothing is called missing or unknown that is only wrong.

use std::ops::Range;

/// The places of tables that lack a value because it was wrong, and the names that went with such values.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    tables: Vec<Range<usize>>,
    names: Vec<String>,
}

impl Gaps {
    /// The table at `span` lost a value.
    pub(super) fn add(&mut self, span: Range<usize>) {
        self.tables.push(span);
    }

    /// Something called `name` was lost.
    pub(super) fn add_name(&mut self, name: &str) {
        self.names.push(name.to_owned());
    }

    /// Whether the table at `span` lost a value.
    pub(super) fn within(&self, span: &Range<usize>) -> bool {
        self.tables.contains(span)
    }

    /// Whether something called `name` was lost.
    pub(super) fn named(&self, name: &str) -> bool {
        self.names.iter().any(|lost| lost == name)
    }
}
