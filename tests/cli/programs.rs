//! What programs read on standard output: every line of `serve`, `send` and whatever has `--format json` is what
//! `mxlab schema events` says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use mxlab::provider::profile::NAMES;
use serde_json::Value;
use tempfile::TempDir;

use super::command::{code, command, mxlab, stderr, stdout};
use super::home;
use super::json_schema::JsonSchemaDocument;

/// A server whose standard output is a pipe.
struct Serve {
    child: Child,
    lines: BufReader<ChildStdout>,
    started: Value,
}

impl Serve {
    /// Starts it, and reads who serves.
    fn start(home: &TempDir, arguments: &str) -> Self {
        let mut command = command(home, &format!("serve {arguments} --listen 127.0.0.1:0 --no-report --for 2min"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        Self { child, lines, started: serde_json::from_str(&first).unwrap() }
    }

    fn address(&self) -> &str {
        self.started["providers"][0]["hosts"][0]["address"].as_str().unwrap()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream
    }

    /// Ends it by Ctrl-C: all lines, and what people were told.
    fn end(mut self) -> (Vec<Value>, String) {
        Command::new("sh").args(["-c", &format!("kill -INT {}", self.child.id())]).status().unwrap();
        let rest = self.lines.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap());
        let lines = std::iter::once(self.started).chain(rest).collect();
        let mut told = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{told}");
        (lines, told)
    }
}

/// Says all of it, and reads until this is heard.
fn say(stream: &mut TcpStream, words: &str, until: &str) {
    stream.write_all(words.as_bytes()).unwrap();
    let (mut heard, mut piece) = (String::new(), [0; 4_096]);
    while !heard.contains(until) {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "closed before {until}: {heard}");
        heard.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
}

fn schema(home: &TempDir) -> JsonSchemaDocument {
    JsonSchemaDocument::parse(&stdout(&mxlab(home, "schema events")))
}

/// What every line has that is about a connection, and about a message.
const OF_CONNECTION: [&str; 3] = ["provider", "client", "connection"];
const OF_MESSAGE: [&str; 6] = ["message", "from", "recipients", "verdict", "rule", "reply"];

/// What the schema must ask for of each type, whatever else it says.
fn required(kind: &str) -> Vec<&'static str> {
    let of_type: Vec<&[&str]> = match kind {
        "started" | "summary" => vec![&["at", "schema"]],
        "sweep" => vec![&["schema"]],
        "opened" | "closed" => vec![&["at"], &OF_CONNECTION],
        "refused" => vec![&["at"], &OF_CONNECTION, &["stage", "verdict", "rule", "reply"]],
        "accepted" | "lost" => vec![&["at"], &OF_CONNECTION, &OF_MESSAGE],
        "audit" => vec![&["profile", "numbers", "unpublished"]],
        "comparison" => vec![&["profiles", "rules", "replies"]],
        other => panic!("{other}: no such line"),
    };
    [&["type"][..]].into_iter().chain(of_type).flatten().copied().collect()
}

/// Every line is what the schema says, and the schema asks for all that is promised; the types, in order.
fn types<'a>(home: &TempDir, lines: &'a [Value]) -> Vec<&'a str> {
    let schema = schema(home);
    for line in lines {
        schema.check(line).unwrap();
        let kind = line["type"].as_str().unwrap();
        for key in required(kind) {
            let mut without = line.clone();
            assert!(without.as_object_mut().unwrap().remove(key).is_some(), "{kind} lacks {key}: {line}");
            assert!(schema.check(&without).is_err(), "the schema would do without {key} of {kind}");
        }
    }
    lines.iter().map(|line| line["type"].as_str().unwrap()).collect()
}

const HELLO: &str = "EHLO a.example\r\n";
const MAIL: &str = "MAIL FROM:<news@sender.example>\r\n";

#[test]
fn serve_says_everything_to_programs() {
    let home = home();
    let serve = Serve::start(&home, "open");
    let mut stream = serve.connect();
    // What is no SMTP is refused by the session itself.
    say(&mut stream, "NONSENSE\r\n", "500 5.5.1");
    say(&mut stream, HELLO, "250 ");
    say(&mut stream, "MAIL FROM:<a@b..c>\r\nRCPT TO:<ann@example.com>\r\n", "503 5.5.1");
    say(
        &mut stream,
        &format!("{MAIL}RCPT TO:<ann@example.com>\r\nRCPT TO:<451-4.7.1.bob@example.com>\r\n"),
        "451 4.7.1",
    );
    say(&mut stream, "RCPT TO:<cy@@example.com>\r\n", "501 5.1.3");
    say(&mut stream, "RCPT TO:<cy@example.com>\r\nDATA\r\n", "354");
    say(&mut stream, "Subject: x\r\n\r\nbody\r\n.\r\n", "250 2.0.0");
    say(&mut stream, &format!("{MAIL}RCPT TO:<dot-552@example.com>\r\nDATA\r\n"), "354");
    say(&mut stream, "body\r\n.\r\n", "552");
    say(&mut stream, &format!("{MAIL}RCPT TO:<dee@example.com>\r\nDATA\r\n"), "354");
    // In the middle of a message.
    drop(stream);
    let mut other = serve.connect();
    say(&mut other, &format!("{HELLO}{MAIL}RCPT TO:<eve@example.com>\r\n"), "250 2.1.5");
    stream_is_dropped(other);
    let (lines, told) = serve.end();
    let kinds = types(&home, &lines);
    assert_eq!(
        kinds,
        [
            "started", "opened", "refused", "refused", "refused", "refused", "refused", "accepted", "refused", "lost",
            "closed", "opened", "refused", "closed", "summary"
        ]
    );
    let of = |n: usize, key: &str| lines[n][key].clone();
    // What was no attempt is a refusal of the session itself, and of a message only where there is one.
    for (n, stage, reply, message) in [
        (2, "ehlo", "500 5.5.1 Command not recognized", Value::Null),
        (3, "mail", "501 5.1.7 Bad sender address syntax", Value::Null),
        (4, "mail", "503 5.5.1 Bad sequence of commands", Value::Null),
        (6, "rcpt", "501 5.1.3 Bad recipient address syntax", 1.into()),
    ] {
        assert_eq!((of(n, "stage"), of(n, "reply"), of(n, "message")), (stage.into(), reply.into(), message));
        assert_eq!((of(n, "verdict"), of(n, "rule")), ("rejected".into(), Value::Null));
    }
    assert_eq!((of(0, "schema"), of(0, "mxlab")), (1.into(), env!("CARGO_PKG_VERSION").into()));
    assert_eq!(of(5, "recipients"), serde_json::json!(["451-4.7.1.bob@example.com"]));
    assert_eq!((of(5, "stage"), of(5, "verdict")), ("rcpt".into(), "deferred".into()));
    assert_eq!(of(7, "recipients"), serde_json::json!(["ann@example.com", "cy@example.com"]));
    assert_eq!((of(7, "message"), of(7, "from"), of(7, "size")), (1.into(), "news@sender.example".into(), 20.into()));
    assert_eq!(
        (of(7, "verdict"), of(7, "rule"), of(7, "reply")),
        ("accepted".into(), Value::Null, "250 2.0.0 Ok".into())
    );
    assert_eq!((of(8, "message"), of(8, "verdict")), (2.into(), "rejected".into()));
    assert!(of(8, "reply").as_str().unwrap().starts_with("552 "));
    assert_eq!((of(9, "message"), of(9, "recipients")), (3.into(), serde_json::json!(["dee@example.com"])));
    assert_eq!((of(9, "verdict"), of(9, "reply")), ("undecided".into(), Value::Null));
    assert_eq!((of(10, "connection"), of(11, "connection")), (1.into(), 2.into()));
    assert_eq!((of(12, "verdict"), of(12, "reply")), ("dropped".into(), Value::Null));
    assert_eq!(of(14, "events_lost"), 0);
    assert_eq!(lines[14]["rows"][0]["metrics"]["delivered"]["mean"], 2.0);
    let times: Vec<f64> = lines.iter().map(|line| line["at"].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(told.contains("Ctrl-C ends it\n"), "{told}");
    assert!(told.contains("clients delivers 40.0 %") || told.contains("delivered"), "the table is for people: {told}");
}

/// Has the server close the connection without a word.
fn stream_is_dropped(mut stream: TcpStream) {
    stream.write_all(b"RCPT TO:<drop@example.com>\r\n").unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(String::from_utf8_lossy(&rest), "");
}

#[test]
fn a_quiet_server_says_who_serves_and_what_it_came_to() {
    let home = home();
    let output = mxlab(&home, "serve open charter --quiet --no-report --listen 127.0.0.1:0 --for 50ms");
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    let lines: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(types(&home, &lines), ["started", "summary"]);
    let names: Vec<&str> =
        lines[0]["providers"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["open", "charter"]);
    let table = mxlab(&home, "serve open --format table --no-report --listen 127.0.0.1:0 --for 50ms");
    assert!(stdout(&table).contains("delivered") && !stdout(&table).contains('{'), "{}", stdout(&table));
}

/// A reader that is too slow costs events, and never a line that is not whole, or the last one.
#[test]
#[expect(clippy::disallowed_methods, reason = "a client that writes and reads at once")]
fn a_slow_reader_loses_events_and_is_told() {
    const COMMANDS: usize = 120_000;
    let home = home();
    let serve = Serve::start(&home, "open");
    let mut stream = serve.connect();
    let long = "l".repeat(60);
    say(&mut stream, &format!("{HELLO}MAIL FROM:<{long}@sender.example>\r\n"), "250 2.1.0");
    let mut heard = BufReader::new(stream.try_clone().unwrap());
    let hearing = std::thread::spawn(move || {
        let mut line = String::new();
        (0..COMMANDS).all(|_| {
            line.clear();
            heard.read_line(&mut line).unwrap() > 0 && line.starts_with("451")
        })
    });
    let commands = format!("RCPT TO:<451.{}@example.com>\r\n", "r".repeat(59)).repeat(1_000);
    for _ in 0..COMMANDS / 1_000 {
        stream.write_all(commands.as_bytes()).unwrap();
    }
    assert!(hearing.join().unwrap(), "every command was answered");
    drop(stream);
    let (lines, told) = serve.end();
    let kinds = types(&home, &lines);
    assert_eq!((kinds[0], kinds[1], *kinds.last().unwrap()), ("started", "opened", "summary"));
    let lost = usize::try_from(lines.last().unwrap()["events_lost"].as_u64().unwrap()).unwrap();
    assert!(lost > 0, "{} lines", lines.len());
    // All refusals, and that the session was opened and closed.
    assert_eq!(lines.len() - 2 + lost, COMMANDS + 2);
    assert!(told.contains(&format!("{lost} events were lost")), "{told}");
}

#[test]
fn runs_and_sends_end_with_a_summary() {
    let home = home();
    let run = mxlab(&home, "run a.toml --quiet --format json --out run");
    let small =
        std::fs::read_to_string(home.path().join("a.toml")).unwrap().replace("recipients = 1000", "recipients = 20");
    std::fs::write(home.path().join("small.toml"), small).unwrap();
    let serve = Serve::start(&home, "open --quiet");
    let send = mxlab(&home, &format!("send small.toml --to {} --seeds 1 --out sent", serve.address()));
    assert_eq!(code(&send), 0, "{}", stderr(&send));
    let (served, _) = serve.end();
    let sweep = mxlab(&home, "sweep a.toml --over network.rtt --values 5ms,9ms --format json --out swept --quiet");
    let again = mxlab(&home, "report run --format json");
    let kept = ["run", "sent", "swept"].map(|folder| home.path().join(folder).join("summary.json"));
    let kept = kept.map(|path| serde_json::from_str::<Value>(&std::fs::read_to_string(path).unwrap()).unwrap());
    let printed: Vec<Value> = [&run, &send, &sweep, &again]
        .iter()
        .flat_map(|output| {
            stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
        })
        .collect();
    assert_eq!(types(&home, &printed), ["summary", "summary", "sweep", "summary"]);
    assert_eq!(printed[..3], kept, "files and standard output say the same");
    assert_eq!(printed[0], printed[3]);
    assert_eq!(printed[1]["rows"][0]["metrics"]["delivered"]["mean"], 20.0);
    assert_eq!(served[1]["rows"][0]["metrics"]["delivered"]["mean"], 20.0);
}

#[test]
fn profiles_are_told_to_programs_too() {
    let home = home();
    let audits = mxlab(&home, "profiles audit --format json");
    let comparison = mxlab(&home, "profiles compare yahoo gmail --format json");
    let printed: Vec<Value> = [&audits, &comparison]
        .iter()
        .flat_map(|output| stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>())
        .collect();
    let kinds = types(&home, &printed);
    assert_eq!(kinds, [vec!["audit"; NAMES.len()], vec!["comparison"]].concat());
    let audited: Vec<&str> = printed.iter().filter_map(|line| line["profile"].as_str()).collect();
    assert_eq!(audited, NAMES);
    assert!(printed[0]["numbers"].as_u64() > Some(0) && !printed[0]["unpublished"].as_array().unwrap().is_empty());
    assert_eq!(printed[NAMES.len()]["profiles"], serde_json::json!(["yahoo", "gmail"]));
}

/// What stops a run before its time is in its last line, whether anything is kept or not.
#[test]
fn what_is_halted_ends_with_a_summary_too() {
    let home = home();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap();
    drop(silent);
    let send = mxlab(&home, &format!("send a.toml --to {at} --out sent"));
    let live = "run long.toml --world live --seeds 1 --format json --out live";
    let runs = ["run a.toml --seeds 20000 --threads 1 --format json --out run", live];
    let long = std::fs::read_to_string(home.path().join("a.toml")).unwrap();
    let long = long.replace("{ at-once = { recipients = 1000 } }", "{ poisson = { per-hour = 3600 } }");
    std::fs::write(home.path().join("long.toml"), long).unwrap();
    let stopped = runs.map(|arguments| interrupted(&home, arguments));
    assert_eq!((code(&send), stopped.each_ref().map(code)), (4, [130, 130]), "{}", stderr(&send));
    let printed = [&send, &stopped[0], &stopped[1]].map(|output| -> Vec<Value> {
        stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    });
    for lines in &printed {
        assert_eq!((types(&home, lines), &lines[0]["partial"]), (vec!["summary"], &Value::Bool(true)));
    }
    let why = format!("nobody listens at {at}: start the server there, or correct --to");
    assert_eq!(printed.each_ref().map(|lines| lines[0]["halted"].clone()), [why.into(), Value::Null, Value::Null]);
    assert!(!home.path().join("sent/record.json").exists(), "and nothing is kept of it");
}

/// A command that is stopped by Ctrl-C as soon as it has its folder.
fn interrupted(home: &TempDir, arguments: &str) -> Output {
    let folder = home.path().join(arguments.rsplit(' ').next().unwrap());
    let child = command(home, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    // Its folder is the last thing that it makes before it begins.
    let wait = format!("for n in $(seq 300); do [ -e '{}' ] && break; sleep 0.1; done; sleep 1", folder.display());
    Command::new("sh").args(["-c", &format!("{wait}; kill -INT {id}")]).status().unwrap();
    child.wait_with_output().unwrap()
}

/// A server that speaks against the protocol, or refuses TLS, is told by name to people and to programs.
#[test]
fn what_servers_do_wrong_is_in_the_summary() {
    let home = home();
    let scenario = std::fs::read_to_string(home.path().join("a.toml")).unwrap();
    let scenario = scenario.replace("recipients = 1000", "recipients = 3").replace("\"1h\"", "\"2s\"");
    std::fs::write(home.path().join("small.toml"), scenario).unwrap();
    let at = impolite();
    let send = |out: &str| format!("send small.toml --to {at} --seeds 1 --tls-optional --out {out}");
    let json = mxlab(&home, &send("json"));
    let table = mxlab(&home, &format!("{} --format table", send("table")));
    let lines: Vec<Value> = stdout(&json).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(types(&home, &lines), ["summary"]);
    let wrong = &lines[0]["broken_off"][0];
    let what = "protocol violation: `354 go on` is no reply to MAIL";
    assert_eq!((&wrong["provider"], &wrong["stage"], &wrong["what"]), (&"open".into(), &"mail".into(), &what.into()));
    assert!(wrong["count"].as_u64() > Some(0) && lines[0]["starttls_refused"].as_u64() > Some(0), "{}", lines[0]);
    let said = stdout(&table);
    assert!(said.contains(&format!("times: {what}.")) && said.contains("as STARTTLS was refused."), "{said}");
    let warning =
        format!("warning: {at}: STARTTLS was answered with `454 4.7.0 not now`; mail went there in clear text");
    assert_eq!(stderr(&table).matches(&warning).count(), 1, "{}", stderr(&table));
}

/// A server that refuses STARTTLS and takes MAIL for DATA, as long as the test lasts.
#[expect(clippy::disallowed_methods, reason = "a server of a few connections")]
fn impolite() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let serve = |mut stream: TcpStream| -> std::io::Result<()> {
        stream.write_all(b"220 mx\r\n")?;
        for line in BufReader::new(stream.try_clone()?).lines() {
            stream.write_all(match line?.get(..4) {
                Some("EHLO") => b"250-mx\r\n250 STARTTLS\r\n",
                Some("STAR") => b"454 4.7.0 not now\r\n",
                _ => b"354 go on\r\n",
            })?;
        }
        Ok(())
    };
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || serve(stream.unwrap()));
        }
    });
    at
}

#[test]
fn the_schema_knows_a_stranger() {
    let home = home();
    let line = serde_json::json!({ "type": "closed", "at": 1.5, "provider": "open", "client": "::1", "connection": 1 });
    let schema = schema(&home);
    schema.check(&line).unwrap();
    for (key, value) in
        [("at", "soon".into()), ("type", "shut".into()), ("more", 1.into()), ("connection", Value::Null)]
    {
        let mut wrong = line.clone();
        wrong[key] = value;
        assert!(schema.check(&wrong).is_err(), "{wrong}");
    }
}
