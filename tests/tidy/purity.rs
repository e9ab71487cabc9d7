//! What the core may not touch: clocks, sockets, threads, files, the system's randomness, and maps without an order.

use regex::Regex;

use super::Finding;
use super::source::Source;

/// The modules that run the same every time.
const CORE: &[&str] = &[
    "time",
    "rng",
    "units",
    "dist",
    "diagnostic",
    "spanned",
    "stats",
    "smtp",
    "provider",
    "sender",
    "workload",
    "sim",
    "record",
    "trial",
    "metric",
];

/// What the core may not say, and what is asked for instead.
const IMPURE: &[(&str, &str)] = &[
    (r"\bstd::time\b|\bInstant\b|\bSystemTime\b", "a clock; take `now: Time`"),
    (r"\bTcp(Stream|Listener)\b|\bUdpSocket\b|\bUnix(Stream|Listener)\b|\bToSocketAddrs\b", "a socket"),
    (r"\bstd::net::(\*|\{[^}]*\b(Tcp|Udp))", "a socket"),
    (r"\bstd::thread\b|\btokio\b", "a thread; trials run side by side in `study`"),
    (r"\bstd::(fs|env|process)\b", "the machine; take a value"),
    (r"\bHash(Map|Set)\b", "a map without an order; use a BTreeMap, or a Vec by id"),
    (r"\brand::(rng|random)\b|\bthread_rng\b|\bOsRng\b|\bSysRng\b", "the system's randomness; take a `Stream`"),
    (r"\be?print(ln)?!", "printing; return a value"),
];

/// What no file may say outside tests.
const UNFINISHED: &[(&str, &str)] = &[
    (r"\b(todo|unimplemented)!", "unfinished work"),
    (r"\bdbg!", "a debugging aid"),
    (r"\bunsafe\s*(\{|fn|impl)", "unsafe code"),
];

/// Finds what the core may not touch, and unfinished work anywhere.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let core = source.module().first().is_some_and(|module| CORE.contains(module));
    let mut found = search(source, &source.all_code, UNFINISHED);
    if core {
        found.extend(search(source, &source.code, IMPURE));
    }
    found
}

fn search(source: &Source, code: &str, rules: &[(&str, &str)]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (pattern, what) in rules {
        for hit in Regex::new(pattern).unwrap().find_iter(code) {
            found.push(source.finding(source.line(hit.start()), format!("`{}`: {what}", hit.as_str())));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::findings;

    fn impure(path: &str, text: &str) -> bool {
        !findings(super::check, path, text).is_empty()
    }

    #[test]
    fn impurities_of_the_core_are_found() {
        for text in [
            "use std::time::Duration;",
            "let now = Instant::now();",
            "use std::net::{IpAddr, TcpStream};",
            "std::thread::sleep(x);",
            "let x: HashMap<u8, u8>;",
            "let x = rand::rng();",
            "println!();",
            "std::fs::read(path)",
        ] {
            assert!(impure("src/sim/world.rs", text), "{text}");
            assert!(!impure("src/cli/run.rs", text), "{text}");
        }
    }

    #[test]
    fn unfinished_work_is_found_everywhere() {
        for text in ["todo!()", "unimplemented!()", "dbg!(x)", "unsafe { x }"] {
            assert!(impure("src/cli/run.rs", text), "{text}");
        }
    }

    #[test]
    fn what_only_sounds_alike_is_free() {
        for text in ["use std::net::IpAddr;", "use rand::rngs::X;", "/// `HashMap`\nstruct A;", "writeln!(f, \"\")"] {
            assert!(!impure("src/provider/a.rs", text), "{text}");
        }
    }
}
