//! A provider drawn from a seed: any rule at any stage that its profile can mean.

use std::fmt::Write as _;

use super::draws::Draws;

const STAGES: [&str; 6] = ["connect", "ehlo", "mail", "rcpt", "data", "end-of-data"];
const REPLIES: [(&str, u16, &str); 6] = [
    ("go-away", 421, "4.7.0"),
    ("later", 450, "4.2.1"),
    ("busy", 451, "4.3.2"),
    ("slow", 452, "4.5.3"),
    ("never", 550, "5.7.1"),
    ("nobody", 550, "5.1.1"),
];

/// The text of a profile called `name`, and the names of its rules.
pub(crate) fn profile(name: &str, draws: &mut Draws) -> (String, Vec<(String, bool)>) {
    let tiers = draws.percent(50);
    let mut text = format!(
        "name = \"{name}\"\ntitle = \"{name}\"\ndomains = [\"{name}.example\", \"too.{name}.example\"]\nmx = [\"mx.{name}.example\"]\n"
    );
    if draws.percent(30) {
        _ = writeln!(text, "hosts = {}", draws.from(2, 3));
    }
    if tiers {
        text += "[tiers]\npoor = [0.0, 0.4]\ngood = [0.4, 1.0]\n";
    }
    if draws.percent(50) {
        text += &reputation(draws);
    }
    if draws.percent(35) {
        let (workers, backlog) = (draws.from(1, 8), draws.below(6));
        _ = writeln!(text, "[listener]\nworkers = {workers}\nbacklog = {backlog}");
    }
    let per_message = draws.one(&[
        "\"0s\"",
        "\"200ms\"",
        "{ log-normal = { median = \"300ms\", sigma = 0.5 } }",
        "{ exponential = \"5s\" }",
    ]);
    let per_recipient =
        draws.one(&["\"0s\"", "\"5ms\"", "\"3s\"", "{ exponential = \"10ms\" }", "{ uniform = [\"1ms\", \"2s\"] }"]);
    _ = writeln!(text, "[service]\nper-message = {per_message}\nper-recipient = {per_recipient}");
    for (reply, code, enhanced) in REPLIES {
        _ = writeln!(text, "[reply.{reply}]\ncode = {code}\nenhanced = \"{enhanced}\"\ntext = \"{reply} {{ip}}\"");
    }
    let mut rules = Vec::new();
    for n in 0..draws.below(9) {
        let is_limit = draws.percent(60);
        let rule = format!("rule-{n}");
        _ = writeln!(text, "[rule.{rule}]");
        text += &if is_limit { limit(tiers, draws) } else { check(draws) };
        rules.push((rule, is_limit));
    }
    (text, rules)
}

fn reputation(draws: &mut Draws) -> String {
    let mut text = "[reputation]\n".to_owned();
    for key in ["complaints", "unknown-recipients", "spam-traps", "unauthenticated", "spam"] {
        _ = writeln!(text, "{key} = {}", draws.one(&["0.0001", "0.003", "0.05", "1.0"]));
    }
    for key in ["evidence", "worsens", "improves", "known-after", "forgets"] {
        _ = writeln!(text, "{key} = \"{}\"", draws.one(&["1min", "12h", "3d"]));
    }
    let (stranger, believed) = (draws.one(&["0.01", "0.2", "0.5", "1.0"]), draws.one(&["0.1", "10", "300"]));
    _ = writeln!(text, "stranger = {stranger}\nbelieved-at = {believed}");
    if draws.percent(50) {
        text += "engagement = { usual = 0.2, weight = 0.5 }\n";
    }
    let allowed = draws.one(&["1", "20", "{ unknown = [5, 500] }"]);
    _ = writeln!(
        text,
        "[allowance]\nstranger = {allowed}\ninherited = 0.1\nmost = 10000\ngrowth = 2.0\nmemory = \"10d\""
    );
    if draws.percent(30) {
        text += "[placement]\nmost = 0.9\nhalf-at = 0.5\nslope = 0.1\n";
    }
    text
}

fn limit(tiers: bool, draws: &mut Draws) -> String {
    let meters = [
        ("open-connections", 0),
        ("open-transactions", 2),
        ("connections", 0),
        ("messages", 2),
        ("recipients", 3),
        ("unknown-recipients", 3),
        ("bytes", 5),
    ];
    let (meter, natural) = meters[usize::try_from(draws.below(7)).unwrap()];
    let window = window(meter, draws);
    let in_session = window == "\"session\"" || window == "\"message\"";
    let scopes = [
        ("client-ip", 0),
        ("client-network", 0),
        ("provider", 0),
        ("session", 0),
        ("client-ip-and-host", 0),
        ("account", 2),
        ("sender-domain", 2),
        ("client-ip-and-sender-domain", 2),
        ("recipient", 3),
        ("recipient-domain", 3),
        ("client-ip-and-recipient-domain", 3),
        ("sender-domain-and-recipient", 3),
    ];
    let (scope, known) = if in_session { ("session", 0) } else { scopes[usize::try_from(draws.below(12)).unwrap()] };
    let counted = if in_session || meter == "open-transactions" { natural } else { 0 };
    let from = known.max(counted);
    let amounts = |draws: &mut Draws| match draws.below(8) {
        0 => "0".to_owned(),
        1 => "\"none\"".to_owned(),
        2 => format!("{{ unknown = [{}, {}] }}", draws.below(5), draws.from(5, 50)),
        _ if meter == "bytes" => draws.from(1, 500_000).to_string(),
        _ => draws.from(1, 30).to_string(),
    };
    let by_standing = [
        "{ allowance = 0.1, at-least = 2 }",
        "{ allowance = 0.5, at-most = { unknown = [1, 40] } }",
        "{ score = [[0.2, 1], [0.5, 4], [1.0, 20]] }",
    ];
    let amount = if draws.percent(15) {
        draws.one(&by_standing).to_owned()
    } else if tiers && draws.percent(50) {
        format!("{{ tiers = {{ poor = {}, good = {} }} }}", amounts(draws), amounts(draws))
    } else {
        amounts(draws)
    };
    let mut text = format!("count = \"{meter}\"\nper = \"{scope}\"\nwindow = {window}\nlimit = {amount}\n");
    if draws.percent(30) {
        text += "counts = \"attempts\"\n";
    }
    if draws.percent(20) {
        text += "load = [{ from = \"0s\", factor = 0.0 }, { from = \"2h\", factor = 1.5 }, { from = \"20h\", factor = 0.3 }]\n";
    }
    if draws.percent(10) {
        text += "wobble = { spread = 0.3, period = \"3h\" }\n";
    }
    _ = writeln!(text, "reputation-of = \"{}\"", draws.one(&["client-ip", "sender-domain", "lower"]));
    text + &consequences(from, if known == 3 { 3 } else { 5 }, known, draws)
}

fn window(meter: &str, draws: &mut Draws) -> String {
    if meter.starts_with("open-") {
        return "\"gauge\"".to_owned();
    }
    let span = draws.one(&["1s", "1min", "10min", "1h"]);
    let kinds = match meter {
        "connections" => 5,
        "messages" => 6,
        _ => 7,
    };
    match draws.below(kinds) {
        0 => format!("{{ fixed = \"{span}\" }}"),
        1 => format!("{{ fixed = {{ length = \"{span}\", aligned = \"first\" }} }}"),
        2 => format!("{{ sliding = \"{span}\" }}"),
        3 => format!("{{ token-bucket = {{ per = \"{span}\", burst = {} }} }}", draws.from(1, 20)),
        4 => format!("{{ average = \"{span}\" }}"),
        5 => "\"session\"".to_owned(),
        _ => "\"message\"".to_owned(),
    }
}

fn check(draws: &mut Draws) -> String {
    let checks = [
        ("\"unknown-recipient\"", 3),
        ("\"mailbox-full\"", 3),
        ("\"spam-trap\"", 3),
        ("\"listed\"", 0),
        ("\"no-ptr\"", 0),
        ("\"spam-content\"", 5),
        ("{ size = \"100kB\" }", 2),
        ("{ unauthenticated = \"either\" }", 4),
        ("{ greylist = { delay = \"5min\", retry-within = \"4h\", remember = \"1d\" } }", 3),
        ("{ reputation = { below = 0.3, of = \"lower\", refuse = 0.5 } }", 0),
        ("{ busy = { every = \"20min\", lasts = \"5min\", refuse = 0.7 } }", 0),
        ("{ outage = { from = \"10min\", until = \"40min\" } }", 0),
    ];
    let (check, from) = checks[usize::try_from(draws.below(12)).unwrap()];
    if draws.percent(6) {
        return format!("check = \"always\"\n{}", consequences(0, 5, 0, draws));
    }
    format!("check = {check}\n{}", consequences(from, if from == 3 { 3 } else { 5 }, 0, draws))
}

/// Where it is asked (from one stage to another), what it answers, and where it holds whom it knows.
fn consequences(from: u64, to: u64, known: u64, draws: &mut Draws) -> String {
    let at = draws.from(from, to);
    let mut text = format!("at = \"{}\"\n", STAGES[usize::try_from(at).unwrap()]);
    let reply = REPLIES[usize::try_from(draws.below(6)).unwrap()].0;
    let answer = match draws.below(10) {
        0 => "answer = \"drop\"\n".to_owned(),
        1 => format!("answer = {{ tarpit = \"{}s\" }}\n", draws.from(1, 30)),
        2..5 => format!("answer = {{ reply = \"{reply}\", close = true }}\n"),
        _ => format!("answer = {{ reply = \"{reply}\" }}\n"),
    };
    text += &answer;
    if draws.percent(25) {
        let held = STAGES[usize::try_from(draws.from(known, if known == 3 { 3 } else { 5 })).unwrap()];
        let (after, renewed) = (draws.from(1, 3), draws.percent(30));
        _ = writeln!(
            text,
            "hold = {{ ladder = [\"1min\", \"20min\"], after = {after}, within = \"5min\", forget = \"1h\", at = \"{held}\", renewed = {renewed} }}"
        );
    }
    if draws.percent(10) {
        text += "enabled = false\n";
    }
    text
}
