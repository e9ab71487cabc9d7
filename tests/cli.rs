//! What a person meets on the command line: exit codes, messages, results folders, closed pipes.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "cli/command.rs"]
mod command;
#[path = "support/json_schema.rs"]
mod json_schema;
#[cfg(unix)]
#[path = "cli/programs.rs"]
mod programs;
#[path = "cli/strangers.rs"]
mod strangers;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use command::{are_refused, code, command, mxlab, stderr, stdout};
use mxlab::provider::profile::built_in;
use tempfile::TempDir;

#[test]
fn a_run_that_meets_its_expectations_ends_with_0_and_leaves_results() {
    let home = home();
    let output = mxlab(&home, "run a.toml");
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(stdout(&output).contains("fixed"));
    assert!(stderr(&output).starts_with("a: seeds 1 to 2; about 1,000 recipients a trial"), "{}", stderr(&output));
    let runs = entries(&home.path().join("results/a"));
    assert_eq!(runs.len(), 1);
    assert!(runs[0].starts_with("seed1-2-"), "{runs:?}");
    assert!(home.path().join("results/a").join(&runs[0]).join("record.json").exists());
}

#[test]
fn a_missed_expectation_ends_with_1() {
    let home = home();
    change(&home, "min = 0.5", "min = 2.0");
    assert_eq!(code(&mxlab(&home, "run a.toml")), 1);
}

#[test]
fn bad_input_ends_with_2_and_runs_nothing() {
    let home = home();
    fs::write(home.path().join("bad.toml"), "sede = 1\n").unwrap();
    fs::write(home.path().join("binary.toml"), [0, 159, 146, 150]).unwrap();
    fs::write(home.path().join("mine.toml"), built_in("open").unwrap().text.as_bytes()).unwrap();
    fs::write(home.path().join("nested.toml"), "[[provider]]\nprofile = \"a.toml\"\n").unwrap();
    let cases = [
        ("run a.toml bad.toml", "did you mean `seed`?"),
        ("run a.toml binary.toml", "binary.toml: not a text file: a zero byte at line 1, column 1"),
        ("run missing.toml", "cannot read missing.toml"),
        ("run a.toml --strategy fixd", "did you mean `fixed`?"),
        ("run a.toml --seeds 0", "0 is not in 1..="),
        ("run a.toml --out a.toml", "a.toml is not a folder"),
        ("run a.toml --seed 18446744073709551615", "there are no 2 seeds"),
        ("run mine.toml", "this is a profile, not a scenario"),
        ("check mine.toml", "`mxlab profiles show mine.toml`"),
        ("sweep mine.toml", "this is a profile, not a scenario"),
        ("serve a.toml", "this is a scenario, not a profile"),
        ("profiles show a.toml", "`mxlab run a.toml`"),
        ("check nested.toml", "`a.toml` is a scenario, not a profile"),
        ("runn", "unrecognized subcommand"),
        ("profiles show chartre", "did you mean `charter`?"),
        ("strategies show aimmd", "did you mean `aimd`?"),
        ("report .", "is this a results folder?"),
    ];
    are_refused(&home, &cases);
}

#[test]
fn what_does_not_fit_into_memory_is_refused_with_numbers() {
    let home = home();
    change(&home, "recipients = 1000", "recipients = 4000000000");
    let output = mxlab(&home, "run a.toml --threads 1000 --seeds 1000");
    // Without /proc/meminfo nothing is known of the memory, and such a run would be tried.
    if Path::new("/proc/meminfo").exists() {
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains("of memory"), "{}", stderr(&output));
    }
}

#[test]
fn results_are_never_overwritten() {
    let home = home();
    assert_eq!(code(&mxlab(&home, "run a.toml --out mine")), 0);
    let output = mxlab(&home, "run a.toml --out mine");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("never overwritten"));
    for _ in 0..2 {
        assert_eq!(code(&mxlab(&home, "run a.toml")), 0);
    }
    let runs = entries(&home.path().join("results/a"));
    assert_eq!(runs[1], format!("{}-2", runs[0]));
}

#[test]
fn the_record_does_not_depend_on_threads_and_redraws_to_the_same_bytes() {
    let home = home();
    let path = |name: &str| home.path().join(name);
    assert_eq!(code(&mxlab(&home, "run a.toml --out one --threads 1 --quiet")), 0);
    assert_eq!(code(&mxlab(&home, "run a.toml --out two --threads 2 --quiet")), 0);
    let records = ["one", "two"].map(|folder| fs::read(path(folder).join("record.json")).unwrap());
    assert!(records[0] == records[1]);
    let page = fs::read(path("one/report.html")).unwrap();
    assert_eq!(code(&mxlab(&home, "report one")), 0);
    assert!(fs::read(path("one/report.html")).unwrap() == page);
}

#[test]
fn unknown_limits_are_told_apart_unless_that_is_not_wanted() {
    let home = home();
    change(&home, "profile = \"open\"", "profile = \"charter\"");
    let record = |folder: &str| fs::read_to_string(home.path().join(folder).join("record.json")).unwrap();
    let told = mxlab(&home, "run a.toml --seeds 5 --out told");
    assert!(stderr(&told).contains("each again with the next one's unknown limits"), "{}", stderr(&told));
    assert!(stdout(&told).contains("limits nobody outside knows"), "{}", stdout(&told));
    assert!(record("told").contains("\"crossed\":[{"));
    let unknowns = fs::read_to_string(home.path().join("told/unknowns.csv")).unwrap();
    assert!(unknowns.contains("charter,allowance,"), "{unknowns}");
    let mixed = mxlab(&home, "run a.toml --seeds 5 --no-spread --out mixed");
    assert!(!stdout(&mixed).contains("limits nobody outside knows"), "{}", stdout(&mixed));
    assert!(record("mixed").contains("\"crossed\":[]") && !record("mixed").contains("\"unknowns\":[{"));
    // The second set of trials enters no mean.
    let rows = |folder: &str| fs::read(home.path().join(folder).join("summary.csv")).unwrap();
    assert!(rows("told") == rows("mixed"));
}

#[test]
fn a_record_of_an_older_version_is_refused_with_advice() {
    let home = home();
    fs::write(home.path().join("record.json"), "{\"format\":1}").unwrap();
    let output = mxlab(&home, "report .");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("has format 1") && stderr(&output).contains("run the scenario again"));
}

#[test]
fn json_is_a_line_for_each_scenario() {
    let home = home();
    fs::copy(home.path().join("a.toml"), home.path().join("b.toml")).unwrap();
    let output = mxlab(&home, "run a.toml b.toml --quiet --format json --out both");
    assert_eq!(code(&output), 0, "{output:?}");
    let scenarios: Vec<String> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["scenario"].to_string())
        .collect();
    assert_eq!(scenarios, ["\"a\"", "\"b\""]);
    assert_eq!(stderr(&output), "");
    assert_eq!(entries(&home.path().join("both")), ["a", "b"]);
}

#[test]
fn a_folder_that_cannot_be_written_ends_with_4() {
    // Not even root writes there.
    if Path::new("/proc/self").exists() {
        let output = mxlab(&home(), "run a.toml --out /proc/mxlab");
        assert_eq!(code(&output), 4);
        assert!(stderr(&output).contains("cannot write /proc/mxlab"), "{}", stderr(&output));
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let home = home();
    let mut child = command(&home, "profiles show gmail").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_is_asked_for_is_printed() {
    let home = home();
    for (arguments, words) in [
        ("check a.toml", "1,000 recipients"),
        ("schema", "\"$schema\""),
        ("schema profile", "\"$schema\""),
        ("schema events", "\"$schema\""),
        ("profiles", "charter "),
        ("profiles show yahoo", "Yahoo"),
        ("profiles show yahoo --toml", "name = \"yahoo\""),
        ("strategies", "aimd "),
        ("strategies show oracle", "oracle"),
        ("completions zsh", "#compdef mxlab"),
        ("man", ".TH mxlab"),
        ("--help", "Exit codes:"),
        ("run --help", "Ctrl-C"),
    ] {
        let output = mxlab(&home, arguments);
        assert_eq!(code(&output), 0, "{arguments}: {output:?}");
        assert!(stdout(&output).contains(words), "{arguments}: {}", stdout(&output));
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_is_finished_and_says_so() {
    let home = home();
    let run = command(&home, "run a.toml --seeds 20000 --threads 1 --out kept").stderr(Stdio::piped()).spawn().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The folder is made before the first trial; a few seconds hold many trials, but never all.
            while !home.path().join("kept").exists() {
                std::thread::yield_now();
            }
            Command::new("sleep").arg("3").status().unwrap();
            Command::new("sh").args(["-c", &format!("kill -INT {}", run.id())]).status().unwrap();
        });
    });
    let output = run.wait_with_output().unwrap();
    assert_eq!(code(&output), 130, "{output:?}");
    let record = fs::read_to_string(home.path().join("kept/record.json")).unwrap();
    assert!(record.contains("\"partial\":true"));
}

/// A folder with a small scenario in it.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("a.toml"), SCENARIO).unwrap();
    home
}

const SCENARIO: &str = r#"# Does a small campaign get through where nothing is limited?
seeds = 2
duration = "1h"
provider = [{ profile = "open" }]
source = [{ ip = "192.0.2.1" }]
stream = [{ arrivals = { at-once = { recipients = 1000 } } }]
strategy = [{ preset = "fixed" }]

[[expect]]
metric = "delivered-share"
strategy = "fixed"
min = 0.5
"#;

fn change(home: &TempDir, from: &str, to: &str) {
    fs::write(home.path().join("a.toml"), SCENARIO.replace(from, to)).unwrap();
}

#[test]
fn ends_of_a_connection_that_cannot_be_are_refused() {
    let home = home();
    let cases = [
        ("send a.toml --to 127.0.0.1:25 --from 8.8.8.8", "this machine cannot send from it"),
        ("send a.toml --to 127.0.0.1:25 --from 0.0.0.0", "the unspecified address is no address to send from"),
        ("send a.toml --to 127.0.0.1:25 --from 224.0.0.1", "a multicast address is no address to send from"),
        ("send a.toml --to 127.0.0.1:25 --from ::1", "one is IPv4, the other IPv6"),
        ("send a.toml --to 127.0.0.1:0", "nobody listens on port 0"),
        ("send a.toml --to 0.0.0.0:25", "the unspecified address is no server"),
        ("send a.toml --to 127.0.0.1:25 --to 127.0.0.1:25", "it is there twice"),
        ("send a.toml --to 127.0.0.1:25 --helo a_b", "not a domain or an address literal"),
        ("send a.toml --to 127.0.0.1:25 --tls --tls-optional", "cannot be used with"),
        ("sweep a.toml --over duration --values 1h,2h,60min", "60min is there twice"),
    ];
    are_refused(&home, &cases);
    let output = command(&home, "send a.toml --to 127.0.0.1:25 --helo").arg("x\r\nMAIL FROM:<a@b>").output().unwrap();
    assert_eq!(code(&output), 2, "{output:?}");
}

#[test]
fn where_no_server_listens_the_run_stops_with_4_and_books_nothing() {
    let home = home();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let output = mxlab(&home, &format!("send a.toml --to {at} --out sent"));
    assert_eq!(code(&output), 4, "{output:?}");
    let said = stderr(&output);
    assert!(said.contains(&format!("warning: nobody listens at {at}")), "{said}");
    assert!(said.contains(&format!("error: nobody listens at {at}")), "{said}");
    assert!(!home.path().join("sent/record.json").exists());
}

/// mxlab where a process may have so many file descriptors.
#[cfg(unix)]
fn with_descriptors(home: &TempDir, most: u32, arguments: &str) -> std::process::Output {
    with_limit(home, &format!("ulimit -S -n {most}; ulimit -H -n {most}"), arguments)
}

/// mxlab under limits of the shell.
#[cfg(unix)]
fn with_limit(home: &TempDir, limit: &str, arguments: &str) -> std::process::Output {
    let mxlab = env!("CARGO_BIN_EXE_mxlab");
    let script = format!("{limit}; exec '{mxlab}' {arguments}");
    Command::new("sh").args(["-c", &script]).current_dir(home.path()).output().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn what_does_not_fit_under_a_limit_of_the_shell_is_refused_and_does_not_abort() {
    let home = home();
    let run = "run a.toml --threads 1 --seeds 1 --no-bound --out";
    for (limit, out) in [("ulimit -v 1000000", "addresses"), ("ulimit -d 1000000", "data")] {
        change(&home, "recipients = 1000", "recipients = 40000000");
        let refused = with_limit(&home, limit, &format!("{run} {out}"));
        assert_eq!(code(&refused), 2, "{limit}: {refused:?}");
        assert!(stderr(&refused).contains("of memory"), "{limit}: {}", stderr(&refused));
        change(&home, "recipients = 1000", "recipients = 1000");
        let fits = with_limit(&home, limit, &format!("{run} {out}"));
        assert_eq!(code(&fits), 0, "{limit}: {fits:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_server_has_as_many_connections_as_descriptors_unless_told_otherwise() {
    let home = home();
    let serve = "serve open --listen 127.0.0.1:0 --no-report --for 100ms";
    let lowered = with_descriptors(&home, 128, serve);
    assert_eq!(code(&lowered), 0, "{lowered:?}");
    assert!(stderr(&lowered).contains("128 file descriptors, enough for 94 connections"), "{}", stderr(&lowered));
    let fits = with_descriptors(&home, 128, &format!("{serve} --connections 94"));
    assert_eq!((code(&fits), stderr(&fits).contains("descriptors")), (0, false), "{fits:?}");
    let refused = with_descriptors(&home, 128, &format!("{serve} --connections 95"));
    assert_eq!(code(&refused), 2, "{refused:?}");
    assert!(stderr(&refused).contains("--connections 95"), "{}", stderr(&refused));
}

#[cfg(unix)]
const MANY_AT_ONCE: &str = r#"seeds = 1
duration = "2s"
provider = [{ profile = "open" }]
source = [{ ip = "192.0.2.1" }]
stream = [{ arrivals = { at-once = { recipients = 300 } } }]
strategy = [{ preset = "fixed", concurrency = { fixed = 200 } }]
"#;

#[cfg(unix)]
#[test]
fn more_connections_than_descriptors_are_refused_warned_of_or_told() {
    let home = home();
    let write = |concurrency: &str| {
        let text = MANY_AT_ONCE.replace("{ fixed = 200 }", concurrency);
        fs::write(home.path().join("many.toml"), text).unwrap();
    };
    write("{ fixed = 200 }");
    let refused = with_descriptors(&home, 128, "run many.toml --world live");
    assert_eq!(code(&refused), 2, "{refused:?}");
    assert!(stderr(&refused).contains("it opens 200 connections at once") && stderr(&refused).contains("ulimit -n"));
    assert!(!home.path().join("results").exists());
    write("{ fixed = 5 }");
    let fits = with_descriptors(&home, 128, "run many.toml --world live --out fits");
    assert_eq!((code(&fits), stderr(&fits).contains("warning")), (0, false), "{fits:?}");
    // What may be too much is tried; and where it was, the run says so first.
    write("\"unlimited\"");
    let short = with_descriptors(&home, 128, "run many.toml --world live --out short");
    assert_eq!(code(&short), 4, "{short:?}");
    assert!(stderr(&short).contains("warning: many, strategy fixed: it may open up to 300 connections"));
    assert!(stdout(&short).starts_with("MXLAB'S OWN SIDE FAILED: no file descriptor was free"), "{}", stdout(&short));
    let summary = fs::read_to_string(home.path().join("short/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert!(summary["own_side"]["failures"]["descriptors"].as_u64().is_some_and(|times| times > 0));
    let record = fs::read_to_string(home.path().join("short/record.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let totals = &record["trials"][0]["cells"][0]["totals"];
    assert_eq!(totals["connections_failed"], 0, "and no provider is charged with it");
}

#[test]
fn tls_is_a_must_where_it_is_asked_for() {
    let home = home();
    change(&home, "recipients = 1000", "recipients = 20");
    let live = mxlab(&home, "run a.toml --world live --speed 600 --tls --seeds 1 --out live");
    assert_eq!(code(&live), 0, "{live:?}");
    let latencies = fs::read_to_string(home.path().join("live/latency.csv")).unwrap();
    assert!(latencies.contains("tls"), "the hosts of a live run offer it: {latencies}");
}

/// The names in a folder, sorted.
fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
