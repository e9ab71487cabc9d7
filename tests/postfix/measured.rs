//! What was measured with real Postfix, and the conditions under which it was.

use super::conditions::Condition;

/// A line of `tests/facts/postfix-measured.tsv`: a repeat of a condition.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) id: String,
    values: Vec<Option<f64>>,
}

/// The columns after the id.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    FirstDeferred,
    FirstSuspended,
    InjectedFor,
    AttemptsPerRecipient,
    Connections,
    T50,
    T90,
    T100,
}

impl Measured {
    pub(crate) fn get(&self, column: Column) -> Option<f64> {
        self.values[column as usize]
    }

    /// The first word of the id.
    pub(crate) fn kind(&self) -> &str {
        self.id.split('-').next().unwrap()
    }

    /// The id without the number of the repeat; those two with an `r` are conditions of their own.
    pub(crate) fn condition(&self) -> String {
        if self.kind() == "g" { self.id.clone() } else { self.id.trim_end_matches(['1', '2', '3']).to_owned() }
    }
}

/// All repeats of all conditions.
pub(crate) fn all() -> Vec<Measured> {
    let text = include_str!("../facts/postfix-measured.tsv");
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.map(|row| {
        let mut cells = row.split('\t');
        let id = cells.next().unwrap().to_owned();
        Measured { id, values: cells.map(|cell| cell.parse().ok()).collect() }
    })
    .collect()
}

/// The condition of a line. Where the receiver's clock matters (`d1`, `d2`), it is that of the second repeat: in the
/// first the frames ended in the middle of a round of retries, and a tenth of a second decided what became of it.
pub(crate) fn condition(measured: &Measured) -> Condition {
    let id = measured.id.as_str();
    let over = measured.get(Column::InjectedFor).unwrap_or(0.0);
    let feedback = match () {
        () if id.contains("-1N") => "1/concurrency",
        () if id.contains("-q") => "0.25",
        () => "1",
    };
    match measured.kind() {
        "t" => readme(gauge(5, "1s"), feedback, !id.contains("nocache")),
        "tj" => readme(gauge(5, "{ uniform = [\"500ms\", \"1500ms\"] }"), feedback, false),
        "x" => {
            let network = "bad-hosts = 1.0\nbad-how = \"never-greets\"\n".to_owned();
            Condition { network, ..readme(service("0s"), feedback, false) }
        }
        "g" => burst(
            20,
            over,
            960.0,
            service("0s") + "[rule.all]\nat = \"rcpt\"\ncheck = \"always\"\nanswer = { reply = \"later\" }\n",
        ),
        "d1" => {
            let rule = rule("rate", "mail", "messages", "{ fixed = \"60s\" }", 60, "{ reply = \"later\" }");
            burst(600, over, 2_500.0, service("100ms") + &rule)
        }
        "d2" => {
            let busy = "{ reply = \"busy\", close = true }";
            let open = rule("open", "mail", "messages", "{ fixed = \"60s\" }", 60, busy);
            let door = rule("door", "connect", "messages", "{ fixed = \"60s\" }", 60, busy);
            burst(600, over, 2_500.0, service("100ms") + &open + &door)
        }
        kind @ ("c" | "k" | "p") => {
            let later = if kind == "k" { "{ reply = \"busy\", close = true }" } else { "{ reply = \"later\" }" };
            let receiver = match () {
                () if id.contains("p-b") => return paced(gauge(3, "500ms"), over),
                () if id.contains("conn") => rule("limit", "mail", "open-connections", "\"gauge\"", 3, later),
                () => rule("limit", "mail", "open-transactions", "\"gauge\"", 3, later),
            };
            let receiver = service("500ms") + &receiver;
            if kind == "p" { paced(receiver, over) } else { burst(600, over, 1_500.0, receiver) }
        }
        "e" => {
            let busy = "{ reply = \"busy\", close = true }";
            burst(1_000, over, 900.0, service("100ms") + &rule("twenty", "mail", "messages", "\"session\"", 20, busy))
        }
        "f1" => {
            let condition = burst(600, over, 1_200.0, service("100ms"));
            let sender =
                condition.sender.replace("main-cf = {", "main-cf = { default_destination_rate_delay = \"1s\",");
            Condition { sender, ..condition }
        }
        other => panic!("no condition {other}"),
    }
}

/// The experiment of the README.
pub(crate) fn readme(receiver: String, feedback: &str, cache: bool) -> Condition {
    Condition {
        receiver,
        sender: format!(
            "preset = \"postfix\"\nmain-cf = {{ smtp_destination_recipient_limit = 2, \
             smtp_destination_concurrency_limit = 20, initial_destination_concurrency = 5, \
             default_destination_concurrency_positive_feedback = \"{feedback}\", \
             default_destination_concurrency_negative_feedback = \"{feedback}\", \
             smtp_connection_cache_on_demand = {cache}, minimal_backoff_time = \"7200s\", \
             maximal_backoff_time = \"7200s\", queue_run_delay = \"7200s\" }}"
        ),
        messages: 1,
        over: 0.0,
        recipients: 2_000,
        network: String::new(),
        lasts: 1_000.0,
    }
}

/// Single messages in a burst, with short back-off times.
fn burst(messages: u32, over: f64, lasts: f64, receiver: String) -> Condition {
    let sender = "preset = \"postfix\"\nwhole = { intake = \"3200us\" }\nmain-cf = { minimal_backoff_time = \"30s\", maximal_backoff_time = \"240s\", queue_run_delay = \"30s\" }";
    Condition { receiver, sender: sender.to_owned(), messages, over, recipients: 1, network: String::new(), lasts }
}

fn paced(receiver: String, over: f64) -> Condition {
    burst(600, over, 1_200.0, receiver)
}

/// So many connections at a time; the others are refused at the door.
pub(crate) fn gauge(limit: u32, per_recipient: &str) -> String {
    service(per_recipient)
        + &rule("open", "connect", "open-connections", "\"gauge\"", limit, "{ reply = \"busy\", close = true }")
}

/// How long a recipient takes: a length of time, or a distribution.
pub(crate) fn service(per_recipient: &str) -> String {
    let quote = if per_recipient.starts_with('{') { "" } else { "\"" };
    format!("[service]\nper-message = \"0s\"\nper-recipient = {quote}{per_recipient}{quote}\n")
}

fn rule(name: &str, at: &str, count: &str, window: &str, limit: u32, answer: &str) -> String {
    let per = if window == "\"session\"" { "session" } else { "client-ip" };
    format!(
        "[rule.{name}]\nat = \"{at}\"\nper = \"{per}\"\ncount = \"{count}\"\nwindow = {window}\nlimit = {limit}\nanswer = {answer}\n"
    )
}
