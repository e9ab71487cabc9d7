//! The value of a scenario that a sweep changes: the way to it, and the scenario's tree with another value there.

use std::path::Path as FilePath;

use toml::de::DeValue;

use super::values::Value;
use crate::spanned::path::{self, ValuePathError, keys, put, resolve};
use crate::spanned::{Step, Tree, at};

/// The way to one value of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As a person wrote it.
    written: String,
    steps: Vec<Step>,
}

impl Place {
    /// The place that `path` names in a scenario.
    ///
    /// # Errors
    /// It is no path, leads nowhere, to more than one value, or to one that changes nothing.
    pub fn find(path: &str, scenario: &Tree<'_>) -> Result<Self, ValuePathError> {
        let wrong = |message: String, help: &str| ValuePathError { message, help: Some(help.to_owned()), key: 0 };
        let keys = keys(path).ok_or_else(|| {
            let help = "write its keys with dots between them, such as strategy.fixed.concurrency.fixed; a key with \
                        other signs than letters, digits, - and _ goes into quotes";
            wrong(format!("`{path}` is not the path of a value"), help)
        })?;
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        if IDLE.contains(&keys[0]) {
            return Err(wrong(format!("`{path}` changes nothing that happens in a trial"), "sweep another value"));
        }
        if LISTS.contains(&keys[0]) && at(scenario, &[Step::Key(keys[0].to_owned())]).is_none() {
            return Err(ValuePathError { message: format!("the scenario has no `{}`", keys[0]), help: None, key: 0 });
        }
        let steps = resolve(scenario, &keys, &name_of)?;
        let is_whole = steps.len() == 1 || matches!(steps.last(), Some(Step::Item(_)));
        if let Some(whole) = at(scenario, &steps).filter(|_| is_whole)
            && matches!(whole.get_ref(), DeValue::Table(_) | DeValue::Array(_))
        {
            let below: Vec<String> =
                path::single_values(whole, path, &name_of).into_iter().map(|(path, _)| path).collect();
            let help = format!("name one of those in it: {}", first_paths(&below));
            return Err(wrong(format!("`{path}` is not one value"), &help));
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

    /// What a file would say that had `value` here.
    pub(in crate::scenario) fn written(&self, value: &Value) -> String {
        format!("{} = {}", self.written, toml::Value::from(value))
    }

    /// Puts the value of a document such as [`Place::written`] gives in this place of a scenario.
    pub(in crate::scenario) fn set<'a>(&self, scenario: &mut Tree<'a>, mut written: Tree<'a>) {
        let mut places = Vec::new();
        while let DeValue::Table(table) = written.get_mut()
            && let Some((key, inner)) = std::mem::take(table).into_iter().next()
        {
            places.push(key.span());
            written = inner;
        }
        put(scenario, &self.steps.iter().cloned().zip(places).collect::<Vec<_>>(), written);
    }
}

/// Every single value that a scenario has, by its path, as it is written there.
pub fn single_values(scenario: &Tree<'_>) -> Vec<(String, String)> {
    let idle = |path: &str| IDLE.contains(&path.split('.').next().unwrap_or(path));
    let mut all = path::single_values(scenario, "", &name_of);
    all.retain(|(path, _)| !idle(path));
    all
}

/// Top-level keys that do not change what a trial does.
const IDLE: [&str; 5] = ["question", "seed", "seeds", "expect", "sweep"];

/// Top-level keys with lists of tables.
const LISTS: [&str; 5] = ["provider", "source", "stream", "strategy", "timeline"];

/// What a table in the list `kind` is called in the results.
fn name_of(item: &Tree<'_>, kind: &str) -> Option<String> {
    let table = item.get_ref().as_table()?;
    let text = |key: &str| table.get(key).and_then(|value| value.get_ref().as_str());
    let name = match kind {
        "strategy" => text("name").or_else(|| text("preset")),
        "provider" => text("name").or_else(|| FilePath::new(text("profile")?).file_stem()?.to_str()),
        "stream" => text("name"),
        "source" => text("ip"),
        _ => None,
    };
    name.map(str::to_owned)
}

/// At most a dozen of the paths.
fn first_paths(paths: &[String]) -> String {
    let more = if paths.len() > 12 { ", ..." } else { "" };
    format!("{}{more}", paths[..paths.len().min(12)].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Document;
    use crate::spanned::{self, Checker};

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

    fn with_tree<T>(look: impl FnOnce(&Tree<'_>) -> T) -> T {
        let document = Document::new("scenario", TEXT);
        look(&spanned::parse(&document, 0, &mut Checker::new(&document)).unwrap())
    }

    fn find(path: &str) -> Result<Place, ValuePathError> {
        with_tree(|tree| Place::find(path, tree))
    }

    /// The value at `path` after `value` was put there, with everything that stands beside it.
    fn set(path: &str, value: &str) -> String {
        let place = find(path).unwrap();
        let new = crate::scenario::sweep::Values::read(value).unwrap().list.remove(0).0;
        let written = Document::new("sweep", place.written(&new));
        with_tree(|tree| {
            let mut tree = tree.clone();
            place.set(&mut tree, spanned::parse(&written, 0, &mut Checker::new(&written)).unwrap());
            let beside = |(path, _): &(String, String)| path.rsplit_once('.').map(|(above, _)| above.to_owned());
            let all = single_values(&tree);
            let above = path.rsplit_once('.').map(|(above, _)| above.to_owned());
            let near = all.iter().filter(|one| beside(one) == above || one.0 == path);
            near.map(|(path, value)| format!("{path} = {value}")).collect::<Vec<_>>().join("; ")
        })
    }

    #[test]
    fn a_value_takes_the_place_of_another() {
        let twelve = "strategy.fixed.concurrency.fixed = 12";
        assert_eq!(set("strategy.fixed.concurrency.fixed", "12"), twelve);
        let limit = "provider.charter.set.rule.connections.limit";
        assert_eq!(set(limit, "7"), format!("{limit} = 7"));
        assert_eq!(set("network.rtt", "5ms"), "network.rtt = \"5ms\"");
    }

    #[test]
    fn a_value_that_is_not_written_is_added() {
        assert_eq!(
            set("source.\"192.0.2.1\".count", "2"),
            "source.\"192.0.2.1\".ip = \"192.0.2.1\"; source.\"192.0.2.1\".count = 2"
        );
        assert_eq!(
            set("strategy.\"two words\".concurrency.fixed", "2"),
            "strategy.\"two words\".concurrency.fixed = 2"
        );
        let limit = "provider.hourly.set.rule.hourly.limit";
        assert_eq!(set(limit, "2"), format!("{limit} = 2"));
        assert_eq!(set("duration", "2h"), "duration = \"2h\"");
    }

    #[test]
    fn a_path_says_whose_it_is() {
        assert_eq!(find("strategy.\"two words\".about").unwrap().strategy(), Some(1));
        assert_eq!(find("network.rtt").unwrap().strategy(), None);
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
            match find(path) {
                Err(wrong) => assert!(wrong.to_string().contains(said), "{path}: {wrong}"),
                // What the file does not write, only its reader can judge.
                Ok(_) => assert_eq!(said, "nothing", "{path}"),
            }
        }
    }

    #[test]
    fn every_value_is_listed() {
        let paths: Vec<String> = with_tree(single_values).into_iter().map(|(path, _)| path).collect();
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
            assert!(find(&path).is_ok(), "{path}");
        }
    }
}
