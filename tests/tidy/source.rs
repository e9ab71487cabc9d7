//! A source file with a copy in which comments are blank and strings are all quotes, so that rules see only code.

use regex::Regex;

use super::Finding;

/// A file of Rust.
#[derive(Clone)]
pub(super) struct Source {
    /// Its path below the root of the repository.
    pub(super) path: String,
    /// Its text.
    pub(super) text: String,
    /// The text without comments, strings and test modules; character for character, with the same lines.
    pub(super) code: String,
    /// The text without comments and strings.
    pub(super) all_code: String,
}

impl Source {
    pub(super) fn new(path: String, text: String) -> Self {
        let all_code = blank(&text);
        let code = without_tests(&path, &all_code);
        Self { path, text, code, all_code }
    }

    /// The place of the file among the modules: `src/smtp/reply.rs` is `["smtp", "reply"]`.
    pub(super) fn module(&self) -> Vec<&str> {
        let inside = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let parts = inside.split('/').filter(|part| *part != "mod");
        parts.filter(|part| !(inside == *part && (inside == "lib" || inside == "main"))).collect()
    }

    /// The line of a place in the text, counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.all_code[..at].matches('\n').count() + 1
    }

    pub(super) fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into() }
    }
}

/// Blanks comments and turns strings and character literals into quotes; every other character keeps its place.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skip(&chars, at);
        if end == at {
            code.push(if chars[at].is_ascii() { chars[at] } else { '?' });
            at += 1;
        } else {
            let filler = if chars[at] == '/' { ' ' } else { '"' };
            code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { filler }));
            at = end;
        }
    }
    code
}

/// Where the comment, string or character that begins at `at` ends; `at` itself if none does.
fn skip(chars: &[char], at: usize) -> usize {
    let ahead = |n: usize| chars.get(at + n).copied().unwrap_or('\0');
    let after_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match (ahead(0), ahead(1)) {
        ('/', '/') => chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| at + n),
        ('/', '*') => block_comment(chars, at),
        ('"', _) => string(chars, at),
        ('r', '"' | '#') if !after_word => raw_string(chars, at + 1).unwrap_or(at),
        ('b', 'r') if !after_word => raw_string(chars, at + 2).unwrap_or(at),
        ('\'', '\\') => (at + 3..chars.len()).find(|n| chars[*n] == '\'').map_or(chars.len(), |n| n + 1),
        ('\'', _) if ahead(2) == '\'' => at + 3,
        _ => at,
    }
}

fn block_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) if depth == 1 => return at + 2,
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

fn string(chars: &[char], mut at: usize) -> usize {
    at += 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The end of a raw string whose hashes begin at `at`, if it is one.
fn raw_string(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    let open = at + hashes;
    (chars.get(open) == Some(&'"')).then(|| {
        let closes =
            |n: &usize| chars[*n] == '"' && chars[n + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        (open + 1..chars.len()).find(closes).map_or(chars.len(), |n| n + 1 + hashes)
    })
}

/// Blanks everything from the inline test module on: tests stand last in a file, or in a file of their own.
fn without_tests(path: &str, code: &str) -> String {
    let inline = Regex::new(r"#\[cfg\(test\)\]\nmod \w+ \{").unwrap();
    let tests = if path.ends_with("/tests.rs") { Some(0) } else { inline.find(code).map(|found| found.start()) };
    let at = tests.unwrap_or(code.len());
    let rest = code[at..].chars().map(|c| if c == '\n' { '\n' } else { ' ' });
    code[..at].chars().chain(rest).collect()
}

#[test]
fn comments_and_strings_are_blank_and_keep_their_place() {
    let text = "a /* x /* y */ z */ b // c\n\"d\\\"e\" r#\"f\"g\"# 'h' '\\'' 'life 'ü' \"j\nk\" l";
    let code = blank(text);
    let words: Vec<&str> = code.split([' ', '\n', '"']).filter(|word| !word.is_empty()).collect();
    assert_eq!(words, ["a", "b", "'life", "l"]);
    assert_eq!(code.lines().count(), text.lines().count());
    assert_eq!(code.chars().count(), text.chars().count());
}

#[test]
fn tests_are_not_code() {
    let source = Source::new("src/a.rs".into(), "use crate::x;\n#[cfg(test)]\nmod tests { use crate::y; }\n".into());
    assert!(source.code.contains("crate::x") && !source.code.contains("crate::y"));
    assert!(source.all_code.contains("crate::y"));
}

#[test]
fn a_file_knows_its_module() {
    let module = |path: &str| Source::new(path.into(), String::new()).module().join("::");
    let paths = ["src/lib.rs", "src/main.rs", "src/time.rs", "src/smtp/mod.rs", "src/smtp/reply.rs"];
    assert_eq!(paths.map(module), ["", "", "time", "smtp", "smtp::reply"]);
}
