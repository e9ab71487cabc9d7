//! What three independent bounce parsers make of every reply of every profile, beside what the profile says it means.
//! Where they differ, `disagreements.tsv` says why the profile's meaning stands; it lists no more and no less than
//! that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::bounce_categories::{BOUNCE_PARSER, Category, SISIMAI, ZONE_MTA};
use super::bounce_mail::bounce_mail;
use super::process::succeed;
use super::program;
use super::said_replies::{SaidReply, said_replies};

const DISAGREEMENTS: &str = include_str!("disagreements.tsv");
const FIGURES: &str = include_str!("../../docs/replies.md");
const PATIENCE: Duration = Duration::from_mins(1);

/// A parser, as it is installed.
struct Parser {
    name: &'static str,
    /// The one that the disagreements are of; another may have learnt.
    version: &'static str,
    categories: &'static [Category],
    /// What it says: its version, then a category for each reply, in their order; nothing where it is not installed.
    classify: fn(&[SaidReply]) -> Option<String>,
}

const PARSERS: [Parser; 3] = [
    Parser { name: "zone-mta", version: "3.10.3", categories: ZONE_MTA, classify: zone_mta },
    Parser { name: "sisimai", version: "4.25.15", categories: SISIMAI, classify: sisimai },
    Parser { name: "bounce-parser", version: "1.543", categories: BOUNCE_PARSER, classify: bounce_parser },
];

/// What a parser and a profile say of a reply, and differently: parser, profile, reply, our meaning, their category.
type Disagreement = [String; 5];

/// How many replies a parser reads as the profile does.
#[derive(Default)]
struct Tally {
    same: usize,
    /// Those of which it says nothing.
    unknown: usize,
    differing: usize,
}

#[test]
fn every_disagreement_with_a_bounce_parser_is_explained() {
    let replies = said_replies();
    let mut explained = explained();
    let (mut new, mut figures) = (Vec::new(), Vec::new());
    for parser in &PARSERS {
        let Some(categories) = categories(parser, &replies) else { return };
        let mut tally = Tally::default();
        for (reply, category) in replies.iter().zip(categories) {
            tally.count(reply, category);
            if tells_otherwise(category, reply) && explained.remove(&row(parser, reply, category)).is_none() {
                new.push(told(parser, reply, category));
            }
        }
        figures.push(figure(parser, &tally));
    }
    let figures = [vec![format!("{} replies of {} profiles.", replies.len(), profiles(&replies))], figures].concat();
    eprintln!("{}", figures.join("\n"));
    assert!(new.is_empty(), "not in disagreements.tsv, nor why the meaning stands:\n{}", new.join("\n"));
    assert!(explained.is_empty(), "in disagreements.tsv, but they agree:\n{:#?}", explained.keys());
    for line in figures {
        assert!(FIGURES.lines().any(|known| known == line), "docs/replies.md should say: {line}");
    }
}

/// The committed disagreements, each with the reason why ours stands.
fn explained() -> BTreeMap<Disagreement, &'static str> {
    let mut explained = BTreeMap::new();
    for line in DISAGREEMENTS.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let &[parser, profile, reply, ours, theirs, why] = columns.as_slice() else { panic!("six columns: {line}") };
        assert!(!why.is_empty(), "why does ours stand? {line}");
        let before = explained.insert([parser, profile, reply, ours, theirs].map(str::to_owned), why);
        assert!(before.is_none(), "twice: {line}");
    }
    explained
}

/// A category for each reply, unless the parser is not here, or not in the version that is known.
fn categories(parser: &Parser, replies: &[SaidReply]) -> Option<Vec<&'static Category>> {
    let said = (parser.classify)(replies)?;
    let mut lines = said.lines();
    let version = lines.next().unwrap_or_default().trim_start_matches('v');
    if version != parser.version {
        let why = format!("{} is {version}, the disagreements are of {}", parser.name, parser.version);
        program::skip(&why, "see what is new in tests/peers/disagreements.tsv");
        return None;
    }
    let find = |name: &str| {
        let known = parser.categories.iter().find(|category| category.name == name);
        known.unwrap_or_else(|| panic!("{}: what does `{name}` mean? See bounce_categories.rs", parser.name))
    };
    let categories: Vec<&Category> = lines.map(find).collect();
    assert_eq!(categories.len(), replies.len(), "{}", parser.name);
    let met: BTreeSet<&str> = categories.iter().map(|category| category.name).collect();
    let idle: Vec<&str> = parser.categories.iter().map(|one| one.name).filter(|name| !met.contains(name)).collect();
    assert!(idle.is_empty(), "{}: no reply is of these categories: {idle:?}", parser.name);
    Some(categories)
}

impl Tally {
    fn count(&mut self, reply: &SaidReply, category: &Category) {
        if category.means.is_empty() {
            self.unknown += 1;
        } else if tells_otherwise(category, reply) {
            self.differing += 1;
        } else {
            self.same += 1;
        }
    }
}

fn tells_otherwise(category: &Category, reply: &SaidReply) -> bool {
    !category.means.is_empty() && !category.means.contains(&reply.means)
}

fn row(parser: &Parser, reply: &SaidReply, category: &Category) -> Disagreement {
    [parser.name, reply.profile, &reply.name, reply.means.name(), category.name].map(str::to_owned)
}

/// A disagreement for who has to judge it: its row, then the reply and what the category stands for.
fn told(parser: &Parser, reply: &SaidReply, category: &Category) -> String {
    let (row, Category { name, reason, .. }) = (row(parser, reply, category).join("\t"), category);
    format!("{row}\n    {}\n    `{name}`: {reason}", reply.lines.join("\n    "))
}

/// A row of the table in docs/replies.md.
fn figure(parser: &Parser, tally: &Tally) -> String {
    let Parser { name, version, .. } = parser;
    let Tally { same, unknown, differing } = tally;
    format!("| {name} {version} | {same} | {unknown} | {differing} |")
}

fn profiles(replies: &[SaidReply]) -> usize {
    replies.iter().map(|reply| reply.profile).collect::<BTreeSet<_>>().len()
}

/// It reads the reply as it was heard.
fn zone_mta(replies: &[SaidReply]) -> Option<String> {
    let node = program::want("node", "on Debian: apt-get install nodejs npm")?;
    let modules = program::installed().join("node_modules");
    if !modules.join("zone-mta").is_dir() {
        program::skip("there is no zone-mta", "npm install --prefix target/peers zone-mta@3.10.3; or .ci/run peers");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("replies.json");
    let heard: Vec<String> = replies.iter().map(|reply| reply.lines.join("\r\n")).collect();
    fs::write(&file, serde_json::to_vec(&heard).unwrap()).unwrap();
    let mut command = Command::new(node);
    Some(succeed(command.arg(script("zone_mta_bounces.cjs")).arg(file).env("NODE_PATH", modules), PATIENCE))
}

fn sisimai(replies: &[SaidReply]) -> Option<String> {
    of_mails(replies, "Sisimai", "libsisimai-perl", "sisimai.pl")
}

fn bounce_parser(replies: &[SaidReply]) -> Option<String> {
    let package = "libmail-deliverystatus-bounceparser-perl";
    of_mails(replies, "Mail::DeliveryStatus::BounceParser", package, "bounce_parser.pl")
}

/// Parsers of bounce mails, in Perl.
fn of_mails(replies: &[SaidReply], module: &str, package: &str, name: &str) -> Option<String> {
    let perl = program::want("perl", "on Debian: apt-get install perl")?;
    let loads = Command::new(&perl).args([&format!("-M{module}"), "-e1"]).output().unwrap();
    if !loads.status.success() {
        program::skip(&format!("there is no {module}"), &format!("on Debian: apt-get install {package}"));
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let write = |(number, reply): (usize, &SaidReply)| {
        let file = folder.path().join(format!("{number}.eml"));
        fs::write(&file, bounce_mail(reply)).unwrap();
        file
    };
    let mails: Vec<PathBuf> = replies.iter().enumerate().map(write).collect();
    // Sisimai takes the first of several reasons, in the order of a hash: that is to be the same each time.
    let in_order = [("PERL_HASH_SEED", "0"), ("PERL_PERTURB_KEYS", "0")];
    Some(succeed(Command::new(perl).envs(in_order).arg(script(name)).args(mails), PATIENCE))
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/scripts").join(name)
}
