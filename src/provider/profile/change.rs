//! Changes to a profile before it is read: how a scenario overrides any value of it.
//!
//! The profile's table is changed, written out and read again by the same reader as any profile, so an override can say
//! nothing that a file could not.

use toml::{Table, Value};

use super::fault::{Fault, listed};
use super::{limit::LimitSpec, parse};
use crate::diagnostic::{Diagnostic, Document, nearest};
use crate::provider::{LimitValue, Policy};

/// One value of a profile that is set before the profile is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The way to it: `["rule", "connections", "limit"]`.
    pub path: Vec<String>,
    /// Its new value. A table given for a whole section, rule or reply sets the keys it names and leaves the others.
    pub value: Value,
}

/// Why a changed profile cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProfileError {
    /// The profile itself is wrong.
    #[error("{0}")]
    Document(Diagnostic),
    /// A change is.
    #[error("{message}")]
    Change {
        /// Which change, by its place.
        index: usize,
        /// What is wrong, in a sentence.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
}

/// The policy that a profile means after some changes, applied in order.
///
/// # Errors
/// The profile's own fault, or the change that is to blame: the first one after which it cannot be read any more.
pub fn parse_with(document: &Document, changes: &[Change]) -> Result<Policy, ProfileError> {
    let mut policy = parse(document).map_err(ProfileError::Document)?;
    if changes.is_empty() {
        return Ok(policy);
    }
    let mut table: Table = document.text.parse().map_err(|e| ProfileError::Document(document.not_toml(&e)))?;
    let mut blame: Option<(usize, Diagnostic)> = None;
    for (index, change) in changes.iter().enumerate() {
        apply(&mut table, change, &policy.name, changes).map_err(|Refusal { message, help }| ProfileError::Change {
            index,
            message,
            help,
        })?;
        match parse(&written(document, &table)) {
            // A later change may mend what an earlier one broke: two that belong together.
            Ok(mended) => (policy, blame) = (mended, None),
            Err(diagnostic) => blame = blame.or(Some((index, diagnostic))),
        }
    }
    match blame {
        None => Ok(policy),
        Some((index, fault)) => Err(ProfileError::Change {
            index,
            message: fault.message().to_owned(),
            help: fault.suggestion().map(str::to_owned),
        }),
    }
}

/// The ceiling that a value means in a policy, in the grammar of `limit`. Its load schedule is empty; to keep that of a
/// rule, put the rule's own in its place.
///
/// # Errors
/// What is wrong with the value, in a sentence.
pub fn ceiling(value: &Value, policy: &Policy) -> Result<LimitValue, String> {
    #[derive(serde::Deserialize)]
    struct Only {
        limit: LimitSpec,
    }

    let table = Table::from_iter([("limit".to_owned(), value.clone())]);
    let document = Document::new("limit", table.to_string());
    let sentence = |diagnostic: Diagnostic| match diagnostic.suggestion() {
        Some(help) => format!("{}; {help}", diagnostic.message()),
        None => diagnostic.message().to_owned(),
    };
    let only: Only = toml::from_str(&document.text).map_err(|e| sentence(document.not_toml(&e)))?;
    let fault = |fault: Fault| sentence(fault.in_document(&document));
    only.limit.ceiling(&policy.tiers, Vec::new(), 0..0).map_err(fault)
}

struct Refusal {
    message: String,
    help: Option<String>,
}

fn written(document: &Document, table: &Table) -> Document {
    Document::new(document.name.clone(), table.to_string())
}

/// Sets one value, or the values of a section that the change names.
fn apply(table: &mut Table, change: &Change, profile: &str, all: &[Change]) -> Result<(), Refusal> {
    let path: Vec<&str> = change.path.iter().map(String::as_str).collect();
    match (path.as_slice(), &change.value) {
        ([], _) => Err(Refusal { message: "this changes nothing: it names no value".to_owned(), help: None }),
        (["rule" | "reply" | "reputation" | "service" | "listener"] | ["rule" | "reply", _], Value::Table(values)) => {
            if let [kind, name] = path.as_slice()
                && is_new(table, kind, name)
                && whole(kind, values)
            {
                let section = table.entry(*kind).or_insert_with(|| Value::Table(Table::new()));
                if let Value::Table(section) = section {
                    section.insert((*name).to_owned(), change.value.clone());
                }
                return Ok(());
            }
            for (key, value) in values {
                let mut path = change.path.clone();
                path.push(key.clone());
                apply(table, &Change { path, value: value.clone() }, profile, all)?;
            }
            Ok(())
        }
        ([kind @ ("rule" | "reply"), name, ..], _) if is_new(table, kind, name) => {
            let known: Vec<&str> = table
                .get(*kind)
                .and_then(Value::as_table)
                .into_iter()
                .flat_map(Table::keys)
                .map(String::as_str)
                .collect();
            Err(Refusal {
                message: format!("no {kind} `{name}` in profile {profile}"),
                help: Some(match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => listed(known.into_iter()),
                }),
            })
        }
        ([way @ .., last], value) => {
            let mut place = &mut *table;
            for step in way {
                let inner = place.entry(*step).or_insert_with(|| Value::Table(Table::new()));
                place = match inner {
                    Value::Table(inner) => inner,
                    other => {
                        let message =
                            format!("there is no `{last}` in `{step}`: it is one value here ({})", other.type_str());
                        return Err(Refusal { message, help: None });
                    }
                };
            }
            place.insert((*last).to_owned(), value.clone());
            own_up(table, &path, all);
            Ok(())
        }
    }
}

fn is_new(table: &Table, kind: &str, name: &str) -> bool {
    !table.get(kind).and_then(Value::as_table).is_some_and(|known| known.contains_key(name))
}

/// Whether a table could stand for itself in a profile. Less than that is a misspelt name.
fn whole(kind: &str, values: &Table) -> bool {
    let needed: &[&str] = if kind == "rule" { &["at", "answer"] } else { &["code", "text"] };
    needed.iter().all(|key| values.contains_key(*key))
}

/// A rule whose numbers were changed does not go on quoting the source of the old ones.
fn own_up(table: &mut Table, path: &[&str], all: &[Change]) {
    let ["rule", name, "limit" | "load" | "window" | "count" | "per" | "check" | "hold", ..] = path else {
        return;
    };
    let source = ["rule", *name, "source"];
    let says_itself = |change: &Change| {
        let above = change.path.len() <= source.len() && change.path.iter().zip(source).all(|(a, b)| a == b);
        above && source[change.path.len()..].iter().try_fold(&change.value, |value, key| value.get(*key)).is_some()
    };
    if all.iter().any(says_itself) {
        return;
    }
    let Some(Value::Table(rule)) = table.get_mut("rule").and_then(|rules| rules.get_mut(*name)) else {
        return;
    };
    for key in ["limit-source", "limit-confidence", "hold-source", "hold-confidence"] {
        rule.remove(key);
    }
    rule.insert("source".to_owned(), Value::String("changed by the scenario".to_owned()));
    rule.insert("confidence".to_owned(), Value::String("assumed".to_owned()));
}
