//! What kind of file a document is: so that one that is handed to the wrong command is called by its name.

use toml::de::{DeTable, DeValue};

use super::{Checker, Tree};
use crate::diagnostic::Document;

/// A kind of file that people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// An experiment: who sends what to whom.
    Scenario,
    /// A mailbox provider's policy.
    Profile,
}

impl FileKind {
    /// What `tree` is, judged by the tables that only one kind has; `None` if that is not plain.
    pub fn of(tree: &Tree<'_>) -> Option<Self> {
        match tree.get_ref() {
            DeValue::Table(table) => Self::of_table(table),
            _ => None,
        }
    }

    /// The same of a document that has not been read yet.
    pub fn of_document(document: &Document) -> Option<Self> {
        Self::of_table(DeTable::parse(&document.text).ok()?.get_ref())
    }

    fn of_table(table: &DeTable<'_>) -> Option<Self> {
        let has = |keys: &[&str]| keys.iter().any(|key| table.contains_key(*key));
        match (has(&OF_SCENARIOS), has(&OF_PROFILES)) {
            (true, false) => Some(Self::Scenario),
            (false, true) => Some(Self::Profile),
            _ => None,
        }
    }

    /// Whether `tree` may be of this kind; says so if it is plainly of another, and what to do with that.
    pub fn may_be(self, tree: &Tree<'_>, check: &mut Checker<'_>) -> bool {
        let name = &check.source_map().first().name;
        let (message, help) = match (self, Self::of(tree)) {
            (Self::Scenario, Some(Self::Profile)) => (
                "this is a profile, not a scenario",
                format!(
                    "read it with `mxlab profiles show {name}`, serve it with `mxlab serve {name}`, or name it in a \
                     scenario: [[provider]] profile = \"{name}\""
                ),
            ),
            (Self::Profile, Some(Self::Scenario)) => (
                "this is a scenario, not a profile",
                format!("run it with `mxlab run {name}`, or read what it does with `mxlab check {name}`"),
            ),
            _ => return true,
        };
        check.wrong_do(&(0..0), message, help);
        false
    }
}

/// Tables of scenarios that profiles do not have.
const OF_SCENARIOS: [&str; 6] = ["provider", "source", "stream", "strategy", "timeline", "expect"];
/// Tables and keys of profiles that scenarios do not have.
const OF_PROFILES: [&str; 6] = ["rule", "reply", "tiers", "domains", "mx", "listener"];
