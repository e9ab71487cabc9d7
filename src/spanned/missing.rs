//! All the keys that a table lacks: serde names only the first.

use std::borrow::Cow;

use toml::de::{DeTable, DeValue, Error};

use super::tree::{Step, Tree, at, at_mut, moved};

/// The keys that the table at the end of `way` must have and has not, `first` among them. `error` says what serde stops
/// at in a tree.
///
/// Each missing key is given a value that will do, and then serde names the next one. Where no value will do that is
/// known here, those that follow it stay unnamed.
pub(super) fn missing_keys<'a>(
    tree: &Tree<'a>,
    way: &[Step],
    first: &str,
    error: &impl Fn(&Tree<'a>) -> Option<Error>,
) -> Vec<String> {
    let mut tree = tree.clone();
    let mut keys = vec![first.to_owned()];
    let mut next = next_missing(&mut tree, way, first, error);
    while let Some(key) = next.filter(|key| !keys.contains(key)) {
        next = next_missing(&mut tree, way, &key, error);
        keys.push(key);
    }
    keys
}

/// The key that an error says is missing.
pub(super) fn missing_key(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.split('`').next()
}

/// The key that is missing next once `key` is there.
fn next_missing<'a>(
    tree: &mut Tree<'a>,
    way: &[Step],
    key: &str,
    error: &impl Fn(&Tree<'a>) -> Option<Error>,
) -> Option<String> {
    let place = at(tree, way)?.span();
    let mut values = stand_ins();
    let mut chosen = false;
    while let Some(value) = values.pop() {
        let DeValue::Table(table) = at_mut(tree, way)?.get_mut() else { return None };
        table.insert(toml::Spanned::new(BEYOND..BEYOND, Cow::Owned(key.to_owned())), value);
        let error = error(tree)?;
        let span = error.span().unwrap_or_default();
        if span.start < BEYOND {
            return missing_key(error.message()).filter(|_| span == place).map(str::to_owned);
        }
        // One of several names is wanted: it tells which.
        if let Some(name) = first_choice(error.message()).filter(|_| !chosen) {
            values.push(Tree::new(BEYOND..BEYOND, DeValue::String(Cow::Owned(name.to_owned()))));
            chosen = true;
        }
    }
    None
}

/// Values of every kind that a key may want; the last are tried first.
const STAND_INS: &str = "values = [[], ['1s', '1s'], [0, 1], true, '192.0.2.1', '1kB', '1s', 1]";

/// Where no document has a value: what is wrong there is wrong with a stand-in.
const BEYOND: usize = usize::MAX / 2;

fn stand_ins() -> Vec<Tree<'static>> {
    let mut document = DeTable::parse(STAND_INS).expect("a list is TOML").into_inner();
    match document.remove("values").map(toml::Spanned::into_inner) {
        Some(DeValue::Array(list)) => list.into_iter().map(|value| moved(value, BEYOND)).collect(),
        _ => Vec::new(),
    }
}

/// The first of the names that serde lists after "unknown variant".
fn first_choice(message: &str) -> Option<&str> {
    message.strip_prefix("unknown variant ")?.split_once("expected")?.1.split('`').nth(1)
}
