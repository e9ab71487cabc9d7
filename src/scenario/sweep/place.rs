//! The way to one value of a scenario, and the scenario with another value there.
//!
//! A path is written as TOML writes dotted keys. Where the file has a list of tables, the next step is the name by
//! which one of them is known (a strategy's, a provider's or a stream's name, a source's address in quotes) or its
//! number, counted from 0. A value that the file leaves to its default may be named too: what it must be called, the
//! reader of scenarios says.

use std::path::Path;
use std::str::FromStr;

use toml::{Table, Value as Toml};
use toml_edit::{DocumentMut, InlineTable, Item, Key, TableLike, value};

use super::values::Value;
use crate::diagnostic::nearest;
use crate::spanned::listed;

/// The way to one value of a scenario's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As a person wrote it.
    written: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Item(usize),
}

/// Why a path leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", help.as_ref().map(|help| format!("; {help}")).unwrap_or_default())]
pub struct WrongPlace {
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Place {
    /// The place that `path` names in the scenario whose text is `text`.
    pub fn find(path: &str, text: &str) -> Result<Self, WrongPlace> {
        let wrong = |message: String, help: &str| WrongPlace { message, help: Some(help.to_owned()) };
        let keys = Key::parse(path).map_err(|_| {
            let help = "write its keys with dots between them, such as strategy.fixed.concurrency.fixed; a key with \
                        other signs than letters, digits, - and _ goes into quotes";
            wrong(format!("`{path}` is not the path of a value"), help)
        })?;
        let keys: Vec<&str> = keys.iter().map(Key::get).collect();
        let first = keys.first().copied().unwrap_or_default();
        if IDLE.contains(&first) {
            return Err(wrong(format!("`{path}` changes nothing that happens in a trial"), "sweep another value"));
        }
        let table: Table = text.parse().map_err(|_| wrong("the scenario is not TOML".to_owned(), "mend it first"))?;
        let root = Toml::Table(table);
        let (mut here, mut steps) = (Some(&root), Vec::new());
        for (n, key) in keys.iter().copied().enumerate() {
            let way = || keys[..n].join(".");
            match here {
                Some(Toml::Table(table)) => {
                    if n == 0 && LISTS.contains(&key) && !table.contains_key(key) {
                        return Err(WrongPlace { message: format!("the scenario has no `{key}`"), help: None });
                    }
                    here = table.get(key);
                    steps.push(Step::Key(key.to_owned()));
                }
                Some(Toml::Array(list)) => {
                    let item = item(list, keys[n - 1], key, &way())?;
                    here = list.get(item);
                    steps.push(Step::Item(item));
                }
                None => steps.push(Step::Key(key.to_owned())),
                Some(value) => {
                    let message = format!("there is no `{key}` in `{}`: it is one value, {value}", way());
                    return Err(wrong(message, &format!("end the path with `{}`", keys[n - 1])));
                }
            }
        }
        let whole = steps.len() == 1 || matches!(steps.last(), Some(Step::Item(_)));
        if let Some(value @ (Toml::Table(_) | Toml::Array(_))) = here.filter(|_| whole) {
            let mut below = Vec::new();
            leaves(value, path, &mut below);
            let below: Vec<&str> = below.iter().map(|(path, _)| path.as_str()).collect();
            let message = format!("`{path}` is not one value");
            return Err(wrong(message, &format!("name one of those in it: {}", few(&below))));
        }
        Ok(Self { written: path.to_owned(), steps })
    }

    /// As a person wrote it.
    pub fn path(&self) -> &str {
        &self.written
    }

    /// The strategy that it belongs to, by its place in the file; `None` if it belongs to what all strategies meet.
    pub fn strategy(&self) -> Option<usize> {
        match self.steps.as_slice() {
            [Step::Key(key), Step::Item(item), ..] if key == "strategy" => Some(*item),
            _ => None,
        }
    }

    /// The scenario's text with `new` in this place; all else of it, comments too, stays where it is.
    pub(in crate::scenario) fn set(&self, text: &str, new: &Value) -> String {
        // Both can only fail for another text than the one in which the place was found.
        let Ok(mut document) = DocumentMut::from_str(text) else { return text.to_owned() };
        put(document.as_table_mut(), &self.steps, new);
        document.to_string()
    }
}

/// Every single value that a scenario's text has, by its path, as it is written there.
pub fn single_values(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let table: Table = text.parse().unwrap_or_default();
    for (key, value) in table.iter().filter(|(key, _)| !IDLE.contains(&key.as_str())) {
        leaves(value, key, &mut found);
    }
    found
}

/// Top-level keys that do not change what a trial does.
const IDLE: [&str; 5] = ["question", "seed", "seeds", "expect", "sweep"];

/// Top-level keys with lists of tables.
const LISTS: [&str; 5] = ["provider", "source", "stream", "strategy", "timeline"];

/// What a table in the list `kind` is called in the results.
fn name<'a>(item: &'a Toml, kind: &str) -> Option<&'a str> {
    let text = |key: &str| item.get(key).and_then(Toml::as_str);
    match kind {
        "strategy" => text("name").or_else(|| text("preset")),
        "provider" => text("name").or_else(|| Path::new(text("profile")?).file_stem()?.to_str()),
        "stream" => text("name"),
        "source" => text("ip"),
        _ => None,
    }
}

/// The place in the list `kind` of what is called `key`, or has that number; `way` is how it was reached.
fn item(list: &[Toml], kind: &str, key: &str, way: &str) -> Result<usize, WrongPlace> {
    let mut called = list.iter().enumerate().filter(|(_, item)| name(item, kind) == Some(key));
    match (called.next(), called.next()) {
        (Some((place, _)), None) => return Ok(place),
        (Some((first, _)), Some((second, _))) => {
            return Err(WrongPlace {
                message: format!("`{key}` is more than one of `{way}`"),
                help: Some(format!("name it by its number, {way}.{first} or {way}.{second}")),
            });
        }
        _ => {}
    }
    if let Some(place) = key.parse::<usize>().ok().filter(|place| *place < list.len()) {
        return Ok(place);
    }
    let names: Vec<&str> = list.iter().filter_map(|item| name(item, kind)).collect();
    let numbers = match list.len() {
        0 => "nothing".to_owned(),
        1 => "number 0".to_owned(),
        many => format!("numbers 0 to {}", many - 1),
    };
    let help = match nearest(key, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => format!("there is {numbers}"),
        None => format!("there is {}, or {numbers}", listed(&names)),
    };
    Err(WrongPlace { message: format!("there is no `{key}` in `{way}`"), help: Some(help) })
}

/// Adds every single value in `value`, which `path` leads to.
fn leaves(value: &Toml, path: &str, found: &mut Vec<(String, String)>) {
    let kind = path.rsplit('.').next().unwrap_or(path);
    match value {
        Toml::Table(table) => {
            for (key, inner) in table {
                leaves(inner, &format!("{path}.{}", Key::new(key.as_str())), found);
            }
        }
        Toml::Array(list) if list.iter().any(Toml::is_table) => {
            for (place, inner) in list.iter().enumerate() {
                let unique = name(inner, kind).filter(|called| item(list, kind, called, path) == Ok(place));
                let step = unique.map_or_else(|| place.to_string(), |called| Key::new(called).to_string());
                leaves(inner, &format!("{path}.{step}"), found);
            }
        }
        single => found.push((path.to_owned(), single.to_string())),
    }
}

/// Puts a value into its place below `table`; tables that are not there yet are made.
fn put(table: &mut dyn TableLike, steps: &[Step], new: &Value) {
    let [Step::Key(key), rest @ ..] = steps else { return };
    if rest.is_empty() {
        match table.get_mut(key).and_then(Item::as_value_mut) {
            Some(old) => replace(old, new),
            None => drop(table.insert(key, Item::Value(toml(new)))),
        }
        return;
    }
    let item = table.entry(key).or_insert_with(|| value(InlineTable::new()));
    match (item, rest) {
        (Item::ArrayOfTables(list), [Step::Item(place), rest @ ..]) => {
            if let Some(inner) = list.get_mut(*place) {
                put(inner, rest, new);
            }
        }
        (Item::Value(toml_edit::Value::Array(list)), [Step::Item(place), rest @ ..]) => match list.get_mut(*place) {
            Some(toml_edit::Value::InlineTable(inner)) => put(inner, rest, new),
            Some(old) if rest.is_empty() => replace(old, new),
            _ => {}
        },
        (item, rest) => {
            if let Some(inner) = item.as_table_like_mut() {
                put(inner, rest, new);
            }
        }
    }
}

/// Puts a value in place of another, with the spaces and comments around it.
fn replace(old: &mut toml_edit::Value, new: &Value) {
    let around = old.decor().clone();
    *old = toml(new);
    *old.decor_mut() = around;
}

fn toml(value: &Value) -> toml_edit::Value {
    match value {
        Value::Whole(number) => (*number).into(),
        Value::Decimal(number) => (*number).into(),
        Value::Flag(flag) => (*flag).into(),
        Value::Text(text) => text.as_str().into(),
    }
}

/// At most a dozen of the names.
fn few(names: &[&str]) -> String {
    let more = if names.len() > 12 { ", ..." } else { "" };
    format!("{}{more}", names.iter().take(12).copied().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# A question?
seeds = 3
[[provider]]
profile = "charter" # theirs
[provider.set]
rule.connections.limit = 10
[[provider]]
profile = "mine/hourly.toml"
[[source]]
ip = "192.0.2.1"
[[strategy]]
preset = "fixed"
concurrency = { fixed = 8 } # eight
[[strategy]]
name = "two words"
preset = "fixed"
[network]
rtt = { uniform = ["1ms", "2ms"] }
"#;

    fn set(path: &str, value: &str) -> String {
        let place = Place::find(path, TEXT).unwrap();
        let new = crate::scenario::sweep::Values::read(value).unwrap().list.remove(0).0;
        let text = place.set(TEXT, &new);
        let changed = text.lines().filter(|line| !TEXT.lines().any(|old| old == *line));
        let gone = TEXT.lines().filter(|line| !text.lines().any(|new| new == *line)).map(|line| format!("-{line}"));
        gone.chain(changed.map(|line| format!("+{line}"))).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_value_takes_the_place_of_another() {
        let eight = "-concurrency = { fixed = 8 } # eight\n+concurrency = { fixed = 12 } # eight";
        assert_eq!(set("strategy.fixed.concurrency.fixed", "12"), eight);
        assert_eq!(set("strategy.0.concurrency.fixed", "12"), eight);
        assert_eq!(
            set("provider.charter.set.rule.connections.limit", "7"),
            "-rule.connections.limit = 10\n+rule.connections.limit = 7"
        );
        assert_eq!(set("network.rtt", "5ms"), "-rtt = { uniform = [\"1ms\", \"2ms\"] }\n+rtt = \"5ms\"");
        assert_eq!(
            set("provider.0.profile", "yahoo"),
            "-profile = \"charter\" # theirs\n+profile = \"yahoo\" # theirs"
        );
    }

    #[test]
    fn a_value_that_is_not_written_is_added() {
        assert_eq!(set("source.\"192.0.2.1\".count", "2"), "+count = 2");
        assert_eq!(set("strategy.\"two words\".concurrency.fixed", "2"), "+concurrency = { fixed = 2 }");
        assert_eq!(set("provider.hourly.set.rule.hourly.limit", "2"), "+set = { rule = { hourly = { limit = 2 } } }");
        assert_eq!(set("duration", "2h"), "+duration = \"2h\"");
    }

    #[test]
    fn a_path_says_whose_it_is() {
        assert_eq!(Place::find("strategy.\"two words\".about", TEXT).unwrap().strategy(), Some(1));
        assert_eq!(Place::find("network.rtt", TEXT).unwrap().strategy(), None);
    }

    #[test]
    fn what_leads_nowhere_is_said() {
        for (path, said) in [
            ("strategy.fixd.concurrency.fixed", "there is no `fixd` in `strategy`; did you mean `fixed`?"),
            ("strategy.x.y", "there is `fixed` and `two words`, or numbers 0 to 1"),
            ("strategy.7.y", "there is no `7` in `strategy`"),
            ("strategy.fixed", "name one of those in it: strategy.fixed.preset, strategy.fixed.concurrency.fixed"),
            ("strategy", "`strategy` is not one value"),
            ("duration.x", "nothing"),
            ("strategy.fixed.preset.x", "there is no `x` in `strategy.fixed.preset`: it is one value, \"fixed\""),
            ("timeline.0.at", "the scenario has no `timeline`"),
            ("seeds", "`seeds` changes nothing that happens in a trial"),
            ("a b", "`a b` is not the path of a value"),
            ("", "is not the path of a value"),
        ] {
            match Place::find(path, TEXT) {
                Err(wrong) => assert!(wrong.to_string().contains(said), "{path}: {wrong}"),
                // What the file does not write, only its reader can judge.
                Ok(_) => assert_eq!(said, "nothing", "{path}"),
            }
        }
    }

    #[test]
    fn every_value_is_listed() {
        let paths: Vec<String> = single_values(TEXT).into_iter().map(|(path, _)| path).collect();
        assert_eq!(
            paths,
            [
                "provider.charter.profile",
                "provider.charter.set.rule.connections.limit",
                "provider.hourly.profile",
                "source.\"192.0.2.1\".ip",
                "strategy.fixed.preset",
                "strategy.fixed.concurrency.fixed",
                "strategy.\"two words\".name",
                "strategy.\"two words\".preset",
                "network.rtt.uniform"
            ]
        );
        for path in paths {
            assert!(Place::find(&path, TEXT).is_ok(), "{path}");
        }
    }
}
