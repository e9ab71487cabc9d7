//! Words of a private dialect that had the place of the field's own words, in names as in comments and docs.

use regex::Regex;

use super::Finding;
use super::source::Source;

/// Words that are wrong everywhere, and what is said instead.
const WORDS: &[(&str, &str)] = &[
    ("addressee", "recipient"),
    ("agenda", "timer queue"),
    ("anew", "again, reset"),
    ("bell", "timer"),
    ("befall", "apply"),
    ("blame", "penalize"),
    ("doorstep", "admission"),
    ("guest", "client session"),
    ("knock", "connect"),
    ("ledger", "receiver statistics"),
    ("manner", "option"),
    ("mischief", "faults"),
    ("nobody", "no client, no caller …"),
    ("porch", "listener"),
    ("seat", "slot"),
    ("somebody", "a client, a caller …"),
    ("toss", "bernoulli"),
    ("witness", "observer"),
    ("whoever", "any client, a caller that …"),
    ("wish", "request"),
];

/// Phrases of comments that are wrong everywhere, and what is said instead.
const PHRASES: &[(&str, &str)] = &[
    (r"\bthe dot(?:[^-\w]|$)", "end of data"),
    (r"\bthe wall(?:[^-\w]|$)", "wall-clock time"),
    (r"\bth(?:e|is) house\b", "the crate"),
];

/// Finds the words, each line once.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let phrases: Vec<(Regex, &str)> =
        PHRASES.iter().map(|(pattern, better)| (Regex::new(pattern).unwrap(), *better)).collect();
    let comments = comments(source);
    let mut found = Vec::new();
    for (n, (code, comment)) in (1..).zip(source.all_code.lines().zip(comments.lines())) {
        let comment = comment.to_lowercase();
        let words = words(code).into_iter().chain(words(&comment));
        let wrong = words.into_iter().find_map(|word| WORDS.iter().find(|(bad, _)| is_one(&word, bad)));
        let wrong = wrong.map(|(bad, better)| ((*bad).to_owned(), *better));
        let phrase =
            || phrases.iter().find_map(|(bad, better)| Some((bad.find(&comment)?.as_str().to_owned(), *better)));
        if let Some((bad, better)) = wrong.or_else(phrase) {
            found.push(source.finding(n, format!("`{bad}` is no word of the field; say: {better}")));
        }
    }
    found
}

/// Whether it is the word or its plural.
fn is_one(word: &str, bad: &str) -> bool {
    word == bad || word.strip_suffix('s') == Some(bad)
}

/// The words of a text in lower case: `GuestList::guest_count` are guest, list, guest, count.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        if !c.is_ascii_alphabetic() || (c.is_ascii_uppercase() && before.is_ascii_lowercase()) {
            words.push(String::new());
        }
        if c.is_ascii_alphabetic() {
            words.last_mut().unwrap().push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The comments of a file; all else is blank, with the same lines. Docs of the command line's arguments are none: they
/// are what users read with `--help`.
fn comments(source: &Source) -> String {
    let chars = source.text.chars().zip(source.all_code.chars());
    let comments: String = chars.map(|(c, code)| if c == '\n' || code == ' ' { c } else { ' ' }).collect();
    let is_help = |line: &str| source.path.starts_with("src/cli/") && line.trim_start().starts_with("///");
    comments.split('\n').map(|line| if is_help(line) { "" } else { line }).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::findings;

    fn lines(text: &str) -> Vec<usize> {
        findings(super::check, "a.rs", text).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn dialect_in_names_and_comments_is_found() {
        assert_eq!(lines("fn toss() {}\nstruct GuestList;\nlet seat_count = 1;\nconst PORCH: u8 = 1;\n"), [1, 2, 3, 4]);
        assert_eq!(lines("//! Nobody\n/// is blamed\nx(); // by whoever\n/* the wall */\n"), [1, 3, 4]);
        assert_eq!(lines("/// Up to the dot.\n/// The guests.\n"), [1, 2]);
    }

    #[test]
    fn strings_and_words_that_contain_one_are_free() {
        assert!(lines("say(\"nobody asked\");\nfn seated() {}\nlet tossed: Tosser;\n// a dot, the walls\n").is_empty());
    }
}
