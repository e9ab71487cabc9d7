//! A TOML document as a tree of values that know their place, and the ways through it.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Checker;
use crate::diagnostic::Document;

/// A value of a document with everything in it; the document itself is a table at no place.
pub type Tree<'a> = Spanned<DeValue<'a>>;

/// One step of the way from a document to one of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The value of this key.
    Key(String),
    /// The item of a list, counted from 0.
    Item(usize),
}

/// The tree of the document at position `start` of what is checked; `None` if it is not TOML, which is told.
pub fn parse<'a>(document: &'a Document, start: usize, check: &mut Checker<'_>) -> Option<Tree<'a>> {
    match DeTable::parse(&document.text) {
        Ok(table) => {
            let tree = Tree::new(table.span(), DeValue::Table(table.into_inner()));
            Some(if start == 0 { tree } else { moved(tree, start) })
        }
        Err(error) => {
            let span = error.span().unwrap_or_default();
            check.wrong(&(span.start + start..span.end + start), error.message().lines().next().unwrap_or_default());
            None
        }
    }
}

/// The same value, with everything in it so much further on.
pub fn moved(tree: Tree<'_>, by: usize) -> Tree<'_> {
    let on = |span: Range<usize>| span.start + by..span.end + by;
    let place = on(tree.span());
    let value = match tree.into_inner() {
        DeValue::Table(table) => {
            let entry =
                |(key, value): (Spanned<_>, _)| (Spanned::new(on(key.span()), key.into_inner()), moved(value, by));
            DeValue::Table(table.into_iter().map(entry).collect())
        }
        DeValue::Array(list) => DeValue::Array(list.into_iter().map(|item| moved(item, by)).collect()),
        single => single,
    };
    Tree::new(place, value)
}

/// What stands at the end of these steps.
pub fn at<'t, 'a>(tree: &'t Tree<'a>, steps: &[Step]) -> Option<&'t Tree<'a>> {
    steps.iter().try_fold(tree, |here, step| match (step, here.get_ref()) {
        (Step::Key(key), DeValue::Table(table)) => table.get(key.as_str()),
        (Step::Item(item), DeValue::Array(list)) => list.get(*item),
        _ => None,
    })
}

/// The same, to be changed.
pub fn at_mut<'t, 'a>(tree: &'t mut Tree<'a>, steps: &[Step]) -> Option<&'t mut Tree<'a>> {
    steps.iter().try_fold(tree, |here, step| match (step, here.get_mut()) {
        (Step::Key(key), DeValue::Table(table)) => table.get_mut(key.as_str()),
        (Step::Item(item), DeValue::Array(list)) => list.get_mut(*item),
        _ => None,
    })
}

/// The steps to the innermost value for which `wanted` holds, which is asked with the place of the key, if it has one.
pub(super) fn find(tree: &Tree<'_>, wanted: &impl Fn(Option<Range<usize>>, &Tree<'_>) -> bool) -> Option<Vec<Step>> {
    let below = |step: Step, key: Option<Range<usize>>, value: &Tree<'_>| match find(value, wanted) {
        Some(way) => Some(std::iter::once(step).chain(way).collect()),
        None => wanted(key, value).then(|| vec![step]),
    };
    match tree.get_ref() {
        DeValue::Table(table) => {
            table.iter().find_map(|(key, value)| below(Step::Key(key.get_ref().to_string()), Some(key.span()), value))
        }
        DeValue::Array(list) => list.iter().enumerate().find_map(|(item, value)| below(Step::Item(item), None, value)),
        _ => None,
    }
}

/// The place of a key in its table.
pub(super) fn key_place(table: &DeTable<'_>, key: &str) -> Option<Range<usize>> {
    table.get_key_value(key).map(|(key, _)| key.span())
}

/// Gives a key of a table another name, in its place.
pub(super) fn rename(table: &mut DeTable<'_>, key: &str, name: &str) {
    let renamed = std::mem::take(table).into_iter().map(|(old, value)| {
        if old.get_ref() == key { (Spanned::new(old.span(), Cow::Owned(name.to_owned())), value) } else { (old, value) }
    });
    *table = renamed.collect();
}
