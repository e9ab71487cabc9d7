//! Names that may be used only once, and names of domains.

use std::collections::BTreeSet;

use crate::spanned::{Checker, Spanned};

/// Names of one kind of thing, each used once.
pub(super) struct Unique {
    kind: &'static str,
    names: Vec<String>,
    taken: BTreeSet<String>,
}

impl Unique {
    /// No names yet.
    pub(super) const fn new(kind: &'static str) -> Self {
        Self { kind, names: Vec::new(), taken: BTreeSet::new() }
    }

    /// Adds a name; says so if it is taken.
    pub(super) fn add(&mut self, name: &Spanned<String>, help: &str, check: &mut Checker<'_>) {
        if self.taken.contains(&name.value) {
            check.wrong_do(&name.span, format!("there are two of the {} `{}`", self.kind, name.value), help);
        }
        self.taken.insert(name.value.clone());
        self.names.push(name.value.clone());
    }

    /// All of them, in order.
    pub(super) fn all(self) -> Vec<String> {
        self.names
    }
}

/// The first of what a scenario may have so many of; says so if there are more, which is refused at once.
pub(super) fn at_most<'s, T>(most: usize, what: &str, all: &'s [T], check: &mut Checker<'_>) -> &'s [T] {
    if all.len() > most {
        check.wrong(&(0..0), format!("a scenario has at most {most} {what}; here are {}", all.len()));
    }
    &all[..all.len().min(most)]
}

/// The domain `written`, in lower case; says so if it is none (sizes as in RFC 1035, section 2.3.4).
pub(super) fn domain(written: &Spanned<String>, check: &mut Checker<'_>) -> String {
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    if written.len() > 253 || !written.split('.').all(label) {
        check.wrong_do(
            &written.span,
            format!("`{}` is not a domain", written.value),
            "write it without user and final dot, such as \"charter.net\"",
        );
    }
    written.to_lowercase()
}
