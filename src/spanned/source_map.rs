//! Several documents, one after the other, as one text: so that a value of any of them has one place.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Document};

/// Documents with the position at which each begins.
#[derive(Clone, Debug)]
pub struct SourceMap<'a> {
    documents: Vec<(usize, &'a Document)>,
    end: usize,
}

impl<'a> SourceMap<'a> {
    /// One document, from position 0 on.
    pub fn new(document: &'a Document) -> Self {
        let mut map = Self { documents: Vec::new(), end: 0 };
        map.add(document);
        map
    }

    /// Adds a document; gives the position at which it begins.
    pub fn add(&mut self, document: &'a Document) -> usize {
        let start = self.end;
        self.documents.push((start, document));
        // A position between two documents belongs to the first: its end.
        self.end += document.text.len() + 1;
        start
    }

    /// Adds all of the others; gives how much further on their places now are.
    pub fn add_all(&mut self, others: &Self) -> usize {
        let start = self.end;
        self.documents.extend(others.documents.iter().map(|(at, document)| (start + at, *document)));
        self.end += others.end;
        start
    }

    /// The first document.
    pub fn first(&self) -> &'a Document {
        self.documents[0].1
    }

    /// All of them, in their order.
    pub fn all(&self) -> impl Iterator<Item = &'a Document> {
        self.documents.iter().map(|(_, document)| *document)
    }

    /// What is written at `span`.
    pub fn text(&self, span: &Range<usize>) -> &'a str {
        let (start, document) = self.document_of(span);
        document.text.get(span.start - start..span.end.saturating_sub(start)).unwrap_or_default()
    }

    /// Says what is wrong at `span`.
    pub fn wrong(&self, span: &Range<usize>, message: impl Into<String>) -> Diagnostic {
        let (start, document) = self.document_of(span);
        document.wrong(span.start - start..span.end.saturating_sub(start), message)
    }

    fn document_of(&self, span: &Range<usize>) -> (usize, &'a Document) {
        let at = self.documents.partition_point(|(start, _)| *start <= span.start);
        self.documents[at.saturating_sub(1)]
    }
}
