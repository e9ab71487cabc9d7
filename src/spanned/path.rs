//! Paths to values, as people write them (`rule.connections.limit`, `strategy.fixed.concurrency.fixed`), and values put
//! where they lead.
//!
//! A path is written as TOML writes dotted keys. Where there is a list of tables, the next key is the name by which one
//! of them is known or its number, counted from 0. A value that is left to its default may be named too: what it must
//! be called, the reader of the document says.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize as _;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::listed;
use super::tree::{Step, Tree};
use crate::diagnostic::{did_you_mean, nearest};

/// Why a path leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", help.as_ref().map(|help| format!("; {help}")).unwrap_or_default())]
pub struct ValuePathError {
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Which key does not fit, counted from 0.
    pub key: usize,
}

/// The keys of a path; `None` if `text` is none.
pub fn keys(text: &str) -> Option<Vec<String>> {
    let document = format!("{text} = 0");
    let table = DeTable::parse(&document).ok()?.into_inner();
    let (mut keys, mut here) = (Vec::new(), &table);
    loop {
        let (key, value) = here.iter().next().filter(|_| here.len() == 1)?;
        keys.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) => here = inner,
            _ => return (value.span() == (document.len() - 1..document.len())).then_some(keys),
        }
    }
}

/// The steps that these keys lead through a document; `called` gives the name of a table in the list of that key.
///
/// # Errors
/// A key asks for something in a single value, or for an item that a list does not have.
pub fn resolve(
    tree: &Tree<'_>,
    keys: &[&str],
    called: &impl Fn(&Tree<'_>, &str) -> Option<String>,
) -> Result<Vec<Step>, ValuePathError> {
    let (mut here, mut steps) = (Some(tree), Vec::new());
    for (n, key) in keys.iter().enumerate() {
        let way = keys[..n].join(".");
        match here.map(Tree::get_ref) {
            None => steps.push(Step::Key((*key).to_owned())),
            Some(DeValue::Table(table)) => {
                here = table.get(*key);
                steps.push(Step::Key((*key).to_owned()));
            }
            Some(DeValue::Array(list)) if n > 0 => {
                let names: Vec<Option<String>> = list.iter().map(|item| called(item, keys[n - 1])).collect();
                let item =
                    item(&names, key, &way).map_err(|(message, help)| ValuePathError { message, help, key: n })?;
                here = list.get(item);
                steps.push(Step::Item(item));
            }
            Some(single) => {
                let message = format!("there is no `{key}` in `{way}`: it is one value, {}", shown(single));
                return Err(ValuePathError {
                    message,
                    help: Some(format!("end the path with `{}`", keys[n - 1])),
                    key: n,
                });
            }
        }
    }
    Ok(steps)
}

/// Puts a value where these steps lead, which [`resolve`] gave, each with the place at which it is written. Tables that
/// are not there yet are made.
pub fn put<'a>(tree: &mut Tree<'a>, steps: &[(Step, Range<usize>)], value: Tree<'a>) {
    let Some(((step, place), rest)) = steps.split_first() else {
        *tree = value;
        return;
    };
    match (tree.get_mut(), step) {
        (DeValue::Table(table), Step::Key(key)) => {
            let key = toml::Spanned::new(place.clone(), Cow::Owned(key.clone()));
            let inner = table.entry(key).or_insert_with(|| Tree::new(place.clone(), DeValue::Table(DeTable::new())));
            put(inner, rest, value);
        }
        (DeValue::Array(list), Step::Item(item)) => {
            if let Some(inner) = list.get_mut(*item) {
                put(inner, rest, value);
            }
        }
        _ => {}
    }
}

/// Every single value in `tree`, with the path that leads to it from where `path` ends.
pub fn single_values(
    tree: &Tree<'_>,
    path: &str,
    called: &impl Fn(&Tree<'_>, &str) -> Option<String>,
) -> Vec<(String, String)> {
    match tree.get_ref() {
        DeValue::Table(table) => {
            let below = table.iter().flat_map(|(key, inner)| {
                let key = quoted(key.get_ref());
                single_values(inner, &if path.is_empty() { key } else { format!("{path}.{key}") }, called)
            });
            below.collect()
        }
        DeValue::Array(list) if list.iter().any(|item| item.get_ref().is_table()) => {
            let kind = path.rsplit('.').next().unwrap_or(path);
            let names: Vec<Option<String>> = list.iter().map(|item| called(item, kind)).collect();
            let mut times: BTreeMap<&str, usize> = BTreeMap::new();
            names.iter().flatten().for_each(|name| *times.entry(name).or_default() += 1);
            let below = list.iter().enumerate().flat_map(|(place, inner)| {
                let unique = names[place].as_deref().filter(|name| times[name] == 1);
                let step = unique.map_or_else(|| place.to_string(), quoted);
                single_values(inner, &format!("{path}.{step}"), called)
            });
            below.collect()
        }
        single => vec![(path.to_owned(), shown(single))],
    }
}

/// The place of what is called `key` among these names, or has that number; `way` is how it was reached.
fn item(names: &[Option<String>], key: &str, way: &str) -> Result<usize, (String, Option<String>)> {
    let mut called = names.iter().enumerate().filter(|(_, name)| name.as_deref() == Some(key));
    match (called.next(), called.next()) {
        (Some((place, _)), None) => return Ok(place),
        (Some((first, _)), Some((second, _))) => {
            let help = format!("name it by its number, {way}.{first} or {way}.{second}");
            return Err((format!("`{key}` is more than one of `{way}`"), Some(help)));
        }
        _ => {}
    }
    if let Some(place) = key.parse::<usize>().ok().filter(|place| *place < names.len()) {
        return Ok(place);
    }
    let numbers = match names.len() {
        0 => "nothing".to_owned(),
        1 => "number 0".to_owned(),
        many => format!("numbers 0 to {}", many - 1),
    };
    let names: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
    let help = match nearest(key, names.iter().copied()) {
        Some(near) => did_you_mean(near),
        None if names.is_empty() => format!("there is {numbers}"),
        None => format!("there is {}, or {numbers}", listed(&names)),
    };
    Err((format!("there is no `{key}` in `{way}`"), Some(help)))
}

/// A key as TOML writes it.
fn quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if bare { key.to_owned() } else { toml::Value::String(key.to_owned()).to_string() }
}

/// A value as TOML writes it.
fn shown(value: &DeValue<'_>) -> String {
    let value = ValueDeserializer::from(Tree::new(0..0, value.clone()));
    toml::Value::deserialize(value).map(|value| value.to_string()).unwrap_or_default()
}
