//! Reads a document as far as it can be read: every value of a wrong type and every unknown key is told at once.
//!
//! serde stops at the first mistake. What it stops at is told, then mended if what was meant is plain (a slip in a
//! name) or else left out, and the document is read again. What only follows from something left out is not told. Of a
//! table that lacks something, everything that is missing is told at once.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::de::{DeArray, DeValue, Error, ValueDeserializer};

use super::missing::{missing_key, missing_keys};
use super::tree::{Step, Tree, at, at_mut, find, key_place, rename};
use super::{Checker, listed, retired};
use crate::diagnostic::{did_you_mean, suggestion};

/// What `tree` says, read as a `T`; `None` if so much of it is wrong that nothing can be made of the rest.
pub fn read<T: DeserializeOwned>(tree: &Tree<'_>, check: &mut Checker<'_>) -> Option<T> {
    let mut reader = Reader { tree: tree.clone(), told: Vec::new(), lost: Vec::new() };
    let length = check.source_map().all().map(|document| document.text.len()).sum::<usize>();
    let passes = Cell::new((READ_BYTES_MAX / length.max(1)).clamp(PASSES_MIN, PASSES_MAX));
    let read = |tree: &Tree<'_>| {
        passes.set(passes.get().checked_sub(1)?);
        Some(T::deserialize(ValueDeserializer::from(tree.clone())))
    };
    loop {
        match read(&reader.tree)? {
            Ok(value) => return Some(value),
            Err(error) => reader.mend(&error, check, &|tree| read(tree)?.err())?,
        }
    }
}

/// Each mistake takes a pass over the whole document, so does each table that cannot be without what was left out of
/// it, and so does each value that is tried for a key that is missing. This is for more mistakes than a person reads at
/// once.
const PASSES_MAX: usize = 2_000;
/// The passes over a document of any size.
const PASSES_MIN: usize = 4;
/// What is read in all passes together, in bytes: of a large document fewer mistakes are told at once.
const READ_BYTES_MAX: usize = 32 << 20;

struct Reader<'a> {
    tree: Tree<'a>,
    /// Where mistakes have been told.
    told: Vec<Range<usize>>,
    /// Keys that were left out, each with the place of its table.
    lost: Vec<(Range<usize>, String)>,
}

impl<'a> Reader<'a> {
    /// Tells what serde stopped at, and changes the tree so that it gets further; `None` if there is no way.
    fn mend(
        &mut self,
        error: &Error,
        check: &mut Checker<'_>,
        error_in: &impl Fn(&Tree<'a>) -> Option<Error>,
    ) -> Option<()> {
        let span = error.span().unwrap_or_default();
        let message = in_words(error.message());
        if let Some(key) = missing_key(&message) {
            return self.lacks(&span, key, check, error_in);
        }
        let near = suggestion(&message).filter(|_| retired::instead(&message).is_none()).map(str::to_owned);
        if !self.told.contains(&span) && !check.has_gap(&span) {
            match (&near, help(&message)) {
                (Some(near), _) => check.wrong_do(&span, &message, did_you_mean(near)),
                (None, Some((message, help))) => check.wrong_do(&span, message, help),
                (None, None) => match retired::instead(&message) {
                    Some(instead) => check.wrong_do(&span, &message, instead),
                    None => check.wrong(&span, &message),
                },
            }
        }
        let told = self.told.contains(&span);
        self.told.push(span.clone());
        match message.split(' ').take(2).collect::<Vec<_>>().as_slice() {
            ["unknown", "field"] => self.unknown_key(&span, near.as_deref()),
            ["unknown", "variant"] if !told => self.unknown_choice(&span, near.as_deref(), check),
            _ => self.leave_out(&find(&self.tree, &|_, value| value.span() == span)?, check),
        }
    }

    /// A table lacks keys that it must have, `first` and maybe others. Those that were left out of it are not told.
    fn lacks(
        &mut self,
        span: &Range<usize>,
        first: &str,
        check: &mut Checker<'_>,
        error_in: &impl Fn(&Tree<'a>) -> Option<Error>,
    ) -> Option<()> {
        let way = find(&self.tree, &|_, value| value.span() == *span).unwrap_or_default();
        if !self.told.contains(span) {
            let mut keys = missing_keys(&self.tree, &way, first, error_in);
            keys.retain(|key| !self.lost.iter().any(|(table, lost)| table == span && lost == key));
            match keys.as_slice() {
                [] => {}
                [key] => check.wrong(span, format!("missing field `{key}`")),
                several => check.wrong(span, format!("missing fields {}", listed(several))),
            }
        }
        self.told.push(span.clone());
        self.leave_out(&way, check)
    }

    /// A key that is not known is the one that was meant, or nothing.
    fn unknown_key(&mut self, span: &Range<usize>, near: Option<&str>) -> Option<()> {
        let mut way = find(&self.tree, &|key, _| key.as_ref() == Some(span))?;
        let Some(Step::Key(key)) = way.pop() else { return None };
        let DeValue::Table(table) = at_mut(&mut self.tree, &way)?.get_mut() else { return None };
        match near.filter(|near| !table.contains_key(*near)) {
            Some(near) => rename(table, &key, near),
            None => drop(table.remove(key.as_str())),
        }
        Some(())
    }

    /// A choice that there is not, as a text (`"fixd"`) or as a key (`{ fixd = 5 }`), is the one that was meant.
    fn unknown_choice(&mut self, span: &Range<usize>, near: Option<&str>, check: &mut Checker<'_>) -> Option<()> {
        let mut way = find(&self.tree, &|key, value| key.as_ref() == Some(span) || value.span() == *span)?;
        let value = at_mut(&mut self.tree, &way)?;
        if value.span() == *span {
            return match (value.get_mut(), near) {
                (DeValue::String(text), Some(near)) => {
                    *text = Cow::Owned(near.to_owned());
                    Some(())
                }
                _ => self.leave_out(&way, check),
            };
        }
        let Some(Step::Key(key)) = way.pop() else { return None };
        match (near, at_mut(&mut self.tree, &way)?.get_mut()) {
            (Some(near), DeValue::Table(table)) => rename(table, &key, near),
            _ => self.leave_out(&way, check)?,
        }
        Some(())
    }

    /// Takes a value out of its table. A list goes as a whole, as its items may belong together, unless it is one of
    /// the document's own lists of tables. `None` if the value is the document itself.
    fn leave_out(&mut self, way: &[Step], check: &mut Checker<'_>) -> Option<()> {
        let (last, above) = way.split_last()?;
        let list_key = above.split_last().and_then(|(key, above)| match (key, at(&self.tree, above)?.get_ref()) {
            (Step::Key(key), DeValue::Table(table)) => key_place(table, key),
            _ => None,
        });
        let parent = at_mut(&mut self.tree, above)?;
        let place = parent.span();
        let removed = match (last, parent.get_mut()) {
            (Step::Key(key), DeValue::Table(table)) => {
                self.lost.push((place.clone(), key.clone()));
                let removed = table.remove(key.as_str())?;
                if matches!(removed.get_ref(), DeValue::Table(_)) {
                    check.gaps().add_name(key);
                }
                removed
            }
            (Step::Item(item), DeValue::Array(items)) if above.len() == 1 && items[*item].get_ref().is_table() => {
                let mut kept: Vec<Tree<'a>> = std::mem::replace(items, DeArray::new()).into_iter().collect();
                let removed = kept.remove(*item);
                *items = kept.into_iter().collect();
                removed
            }
            _ => return self.leave_out(above, check),
        };
        // What names a table in a list is one of its texts.
        if let DeValue::Table(table) = removed.get_ref() {
            table.iter().filter_map(|(_, value)| value.get_ref().as_str()).for_each(|text| check.gaps().add_name(text));
        }
        check.gaps().add(place);
        if let Some(key) = list_key {
            check.gaps().add(key);
        }
        Some(())
    }
}

/// What serde or TOML says, in one line and in the same words from both.
fn in_words(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    let quoted = |names: &str| names.split(", ").map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match message.strip_prefix("unexpected keys in table: ").and_then(|rest| rest.split_once(", available keys: ")) {
        // The place shows the first of them.
        Some((unknown, known)) => {
            let unknown = unknown.split(", ").next().unwrap_or(unknown);
            format!("unknown field `{unknown}`, expected one of {}", quoted(known))
        }
        None => message.to_owned(),
    }
}

/// What serde says in words of its own, for people, and what to do about it.
fn help(message: &str) -> Option<(&'static str, &'static str)> {
    message.starts_with("invalid type: unit variant").then_some((
        "this needs a value of its own",
        "write it as a table, such as { fixed = \"1h\" } or { size = \"20MB\" }",
    ))
}
