//! What is wrong with a profile, and where in its text.

use std::fmt::Write as _;
use std::ops::Range;

use toml::Spanned;

use crate::diagnostic::{Diagnostic, Document};

/// A fault at a place of a text that is not at hand.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    span: Range<usize>,
    message: String,
    help: Option<String>,
}

impl Fault {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }

    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A name that is not among the known ones: "there is no reply `x`", with the nearest, or all if there are few.
    pub(super) fn unknown<'a>(
        name: &Spanned<String>,
        message: &str,
        near: Option<&str>,
        known: impl Iterator<Item = &'a str>,
    ) -> Self {
        let fault = Self::new(name.span(), format!("{message} `{}`", name.get_ref()));
        match near {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help(listed(known)),
        }
    }

    pub(super) fn in_document(self, document: &Document) -> Diagnostic {
        let diagnostic = document.wrong(self.span, self.message);
        match self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

/// "there are `a`, `b`, `c`", cut after a dozen.
pub(super) fn listed<'a>(known: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for (n, name) in known.enumerate() {
        match n {
            0 => _ = write!(text, "there are `{name}`"),
            1..12 => _ = write!(text, ", `{name}`"),
            12 => text.push_str(", …"),
            _ => break,
        }
    }
    if text.is_empty() { "there are none".to_owned() } else { text }
}
