//! Values that a scenario or a command line sets in a profile before it is read.
//!
//! They are laid over the profile's own and read with them by the same reader, so an overlay can say nothing that a
//! file could not, and what is wrong with it is told where it is written.

use std::borrow::Cow;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::diagnostic::Document;
use crate::spanned::path::{put, resolve};
use crate::spanned::{Checker, SourceMap, Spanned, Step, Tree, at, at_mut, moved, parse};

/// Values by their paths in a profile, such as `rule.connections.limit`.
#[derive(Clone, Debug)]
pub struct Overlay<'a> {
    /// The documents in which they are written.
    pub source_map: SourceMap<'a>,
    /// A table of them.
    pub tree: Tree<'a>,
}

impl<'a> Overlay<'a> {
    /// The overlay that a document is; `None` if it is not TOML, which is told.
    pub fn read(document: &'a Document, check: &mut Checker<'_>) -> Option<Self> {
        Some(Self { source_map: SourceMap::new(document), tree: parse(document, 0, check)? })
    }
}

/// Applies overlays to a profile, in their order.
pub(super) fn apply<'a>(profile: &mut Tree<'a>, overlays: &[Overlay<'a>], check: &mut Checker<'a>) {
    let name = at(profile, &[Step::Key("name".to_owned())]).and_then(|name| name.get_ref().as_str());
    let name = name.unwrap_or_default().to_owned();
    let mut merge = OverlayMerge { profile, name, check, changed: Vec::new() };
    for overlay in overlays {
        let further = merge.check.include(&overlay.source_map);
        if let DeValue::Table(table) = moved(overlay.tree.clone(), further).get_ref() {
            merge.apply(table, &mut Vec::new());
        }
    }
    for (rule, place) in std::mem::take(&mut merge.changed) {
        merge.mark_as_assumed(&rule, &place, overlays);
    }
}

struct OverlayMerge<'l, 'a> {
    profile: &'l mut Tree<'a>,
    /// The profile's name, for messages.
    name: String,
    check: &'l mut Checker<'a>,
    /// Rules whose numbers are not the profile's any more, and where that is said.
    changed: Vec<(String, Range<usize>)>,
}

impl<'a> OverlayMerge<'_, 'a> {
    /// Applies a table to what the profile has at the end of `key_path`. A table in braces is one value; any other
    /// table, and a whole section, rule or reply, sets the keys that it names and leaves the others.
    fn apply(&mut self, table: &DeTable<'a>, key_path: &mut Vec<Spanned<String>>) {
        for (key, value) in table {
            key_path.push(Spanned { value: key.get_ref().to_string(), span: key.span() });
            let keys: Vec<&str> = key_path.iter().map(|key| key.value.as_str()).collect();
            match (keys.as_slice(), value.get_ref()) {
                ([kind @ ("rule" | "reply"), name], _) if !self.has(kind, name) && !is_whole(kind, value) => {
                    self.unknown(kind, &key_path[1]);
                }
                ([kind @ ("rule" | "reply"), name], _) if !self.has(kind, name) => self.set(&keys, key_path, value),
                (_, DeValue::Table(inner)) if is_section(&keys) || !self.is_in_braces(value) => {
                    self.apply(inner, key_path);
                }
                _ => self.set(&keys, key_path, value),
            }
            key_path.pop();
        }
    }

    fn set(&mut self, keys: &[&str], key_path: &[Spanned<String>], value: &Tree<'a>) {
        match resolve(self.profile, keys, &|_, _| None) {
            Ok(steps) => {
                let places = key_path.iter().map(|key| key.span.clone());
                put(self.profile, &steps.into_iter().zip(places).collect::<Vec<_>>(), value.clone());
            }
            Err(wrong) => {
                let help = wrong.help.unwrap_or_default();
                return self.check.wrong_do(&key_path[wrong.key].span, wrong.message, help);
            }
        }
        if let ["rule", name, "limit" | "load" | "window" | "count" | "per" | "check" | "hold", ..] = keys {
            self.changed.push(((*name).to_owned(), key_path[2].span.clone()));
        }
    }

    /// A rule whose numbers were changed does not go on quoting the source of the old ones.
    fn mark_as_assumed(&mut self, rule: &str, place: &Range<usize>, overlays: &[Overlay<'a>]) {
        let key_path = |key: &str| ["rule", rule, key].map(|key| Step::Key(key.to_owned()));
        if overlays.iter().any(|overlay| at(&overlay.tree, &key_path("source")).is_some()) {
            return;
        }
        if let Some(DeValue::Table(table)) = at_mut(self.profile, &key_path("source")[..2]).map(Tree::get_mut) {
            for part in ["limit", "window", "hold"] {
                table.remove(&*format!("{part}-source"));
                table.remove(&*format!("{part}-confidence"));
            }
        }
        for (key, text) in [("source", "changed by the scenario"), ("confidence", "assumed")] {
            let steps = key_path(key).map(|step| (step, place.clone()));
            put(self.profile, &steps, Tree::new(place.clone(), DeValue::String(Cow::Borrowed(text))));
        }
    }

    fn unknown(&mut self, kind: &str, name: &Spanned<String>) {
        let known = match at(self.profile, &[Step::Key(kind.to_owned())]).map(Tree::get_ref) {
            Some(DeValue::Table(table)) => table.keys().map(|key| key.get_ref().to_string()).collect(),
            _ => Vec::new(),
        };
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.check.unknown_in(kind, &format!(" in profile {}", self.name), name, &known);
    }

    fn has(&self, kind: &str, name: &str) -> bool {
        at(self.profile, &[kind, name].map(|key| Step::Key(key.to_owned()))).is_some()
    }

    fn is_in_braces(&self, value: &Tree<'_>) -> bool {
        self.check.source_map().text(&value.span()).starts_with('{')
    }
}

/// Whether these keys lead to a part of a profile that is changed key by key.
fn is_section(keys: &[&str]) -> bool {
    matches!(keys, ["rule" | "reply" | "reputation" | "service" | "listener"] | ["rule" | "reply", _])
}

/// Whether a table could stand for itself in a profile. Less than that is a misspelt name.
fn is_whole(kind: &str, value: &Tree<'_>) -> bool {
    let needed: &[&str] = if kind == "rule" { &["at", "answer"] } else { &["code", "text"] };
    value.get_ref().as_table().is_some_and(|table| needed.iter().all(|key| table.contains_key(*key)))
}
