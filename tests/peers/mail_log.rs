//! Postfix's own log: what it says became of every recipient, and in what words.

use std::collections::BTreeMap;

use regex::Regex;

/// What Postfix says of a recipient, each time it tried or gave up trying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The message's name in the queue.
    pub(crate) queue: String,
    pub(crate) to: String,
    /// `sent`, `deferred` or `bounced`.
    pub(crate) status: String,
    /// Postfix did not even try: it takes the site for dead.
    pub(crate) suspended: bool,
    /// What the server said; nothing where it was not asked, or said nothing.
    pub(crate) reply: Option<String>,
}

/// Everything that became of recipients in a domain, in the order of the log.
pub(crate) fn deliveries(log: &str, domain: &str) -> Vec<Delivery> {
    let line = Regex::new(r"postfix/(?:smtp|error)\[\d+\]: (\w+): to=<([^>]*)>,.* status=(\w+) \((.*)\)$").unwrap();
    let all = log.lines().filter_map(|text| line.captures(text));
    let ours = all.filter(|found| found[2].ends_with(domain));
    ours.map(|found| {
        let suspended = found[4].starts_with("delivery temporarily suspended");
        let reply = if suspended || &found[3] == "sent" { None } else { reply(&found[4]) };
        let [queue, to, status] = [1, 2, 3].map(|n| found[n].to_owned());
        Delivery { queue, to, status, suspended, reply }
    })
    .collect()
}

/// The server's words in Postfix's.
fn reply(text: &str) -> Option<String> {
    let said = Regex::new(r"(?:said|refused to talk to me): (.*?)(?: \(in reply to [^()]*\))?$").unwrap();
    said.captures(text).map(|found| one_line(&found[1]))
}

/// A reply of several lines as one: Postfix puts them behind each other with the codes that they begin with.
fn one_line(reply: &str) -> String {
    let code = Regex::new(r"^(\d{3})-(\d\.\d+\.\d+ )?").unwrap();
    let Some(found) = code.captures(reply) else { return reply.to_owned() };
    let (code, enhanced) = (&found[1], found.get(2).map_or("", |enhanced| enhanced.as_str()));
    let rest = reply[found[0].len()..].replace(&format!(" {code}-{enhanced}"), " ");
    format!("{code} {enhanced}{}", rest.replace(&format!(" {code} {enhanced}"), " "))
}

/// How often each reply was heard.
pub(crate) fn tally<'a>(replies: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    replies.for_each(|reply| *tally.entry(reply.to_owned()).or_default() += 1);
    tally
}

#[test]
fn deliveries_are_parsed_from_the_mail_log() {
    let log = "\
Nov 26 08:45:34 a postfix/smtp[1]: A1: to=<a@x.example>, relay=b[127.0.0.1]:1, delay=1, dsn=2.0.0, status=sent (250 2.0.0 Ok)
Nov 26 08:45:34 a postfix/smtp[1]: A2: to=<b@x.example>, relay=b[127.0.0.1]:1, conn_use=4, delay=1, dsn=5.1.1, status=bounced (host b[127.0.0.1] said: 550-5.1.1 No 550-5.1.1 such user. 550 5.1.1 None (0) (in reply to RCPT TO command))
Nov 26 08:45:34 a postfix/smtp[1]: A3: to=<c@x.example>, relay=b[127.0.0.1]:1, delay=1, dsn=4.0.0, status=deferred (host b[127.0.0.1] refused to talk to me: 421 busy)
Nov 26 08:45:34 a postfix/error[1]: A4: to=<d@x.example>, relay=none, delay=1, dsn=4.0.0, status=deferred (delivery temporarily suspended: host b[127.0.0.1] refused to talk to me: 421 busy)
Nov 26 08:45:34 a postfix/smtp[1]: A5: to=<e@other.example>, relay=none, delay=1, dsn=2.0.0, status=sent (250 2.0.0 Ok)";
    let delivery = |queue: &str, to: &str, status: &str, suspended, reply: Option<&str>| Delivery {
        queue: queue.to_owned(),
        to: to.to_owned(),
        status: status.to_owned(),
        suspended,
        reply: reply.map(str::to_owned),
    };
    let expected = [
        delivery("A1", "a@x.example", "sent", false, None),
        delivery("A2", "b@x.example", "bounced", false, Some("550 5.1.1 No such user. None (0)")),
        delivery("A3", "c@x.example", "deferred", false, Some("421 busy")),
        delivery("A4", "d@x.example", "deferred", true, None),
    ];
    assert_eq!(deliveries(log, "@x.example"), expected);
}
