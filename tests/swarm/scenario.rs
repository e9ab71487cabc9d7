//! A scenario drawn from a seed: its text, and the texts of the profiles it names.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::draws::Draws;
use super::profile::profile;

/// The text of a scenario, and of its profiles by file name.
pub(crate) fn scenario(seed: u64) -> (String, BTreeMap<String, String>) {
    let draws = &mut Draws::new(seed);
    // Some go on for days: a warm-up grows, a history is made, holds are forgotten.
    let hours = if draws.percent(15) { draws.from(25, 60) } else { draws.from(1, 8) };
    let starts = draws.below(24);
    let mut text = format!("seed = {seed}\nseeds = 1\nduration = \"{hours}h\"\nstarts-at = \"{starts}h\"\n");
    let mut files = BTreeMap::new();
    let mut rules = Vec::new();
    for n in 0..draws.from(1, 2) {
        let name = format!("p{n}");
        let (profile, of_provider) = profile(&name, draws);
        files.insert(format!("{name}.toml"), profile);
        _ = writeln!(text, "[[provider]]\nprofile = \"{name}.toml\"\nshare = {}", draws.from(1, 3));
        rules.extend(of_provider.into_iter().map(|(rule, is_limit)| (name.clone(), rule, is_limit)));
    }
    let sources = draws.from(1, 3);
    for n in 0..sources {
        text += &source(n, draws);
    }
    for n in 0..draws.from(1, 2) {
        text += &stream(n, draws);
    }
    text += &network(draws);
    for n in 0..draws.from(1, 2) {
        text += &strategy(n, draws);
    }
    for _ in 0..draws.below(8) {
        text += &change(&rules, draws);
    }
    (text, files)
}

fn source(n: u64, draws: &mut Draws) -> String {
    let (listed, ptr) = (draws.percent(10), !draws.percent(10));
    let mut text = format!("[[source]]\nip = \"192.0.2.{}\"\nlisted = {listed}\nptr = {ptr}\n", n + 1);
    if draws.percent(50) {
        _ = writeln!(text, "network = \"192.0.2.{}/32\"", n + 1);
    }
    if draws.percent(50) {
        _ = writeln!(text, "reputation = 0.{}", draws.below(10));
    }
    text += draws.one(&["", "account = \"news@a.example\"\n", "account = \"shop@a.example\"\n"]);
    text
}

fn stream(n: u64, draws: &mut Draws) -> String {
    let arrivals = match draws.below(4) {
        0 => format!("{{ at-once = {{ recipients = {}, at = \"{}min\" }} }}", draws.from(1, 150), draws.below(30)),
        1 => format!("{{ poisson = {{ per-hour = {}, until = \"40min\" }} }}", draws.from(1, 200)),
        2 => format!("{{ diurnal = {{ recipients = {}, over = \"1h\" }} }}", draws.from(1, 150)),
        _ => format!(
            "{{ stages = [{{ lasts = \"10min\", per-hour = {} }}, {{ lasts = \"5min\", per-hour = 0 }}, {{ lasts = \"1min\", per-hour = 3000 }}] }}",
            draws.from(1, 300)
        ),
    };
    let mut text = format!("[[stream]]\nname = \"s{n}\"\nsender-domain = \"s{n}.example\"\narrivals = {arrivals}\n");
    text += draws.one(&["", "recipients-per-message = [1, 20]\n", "recipients-per-message = 3\n"]);
    text += draws.one(&["", "size = { uniform = [\"1kB\", \"200kB\"] }\n", "size = \"500B\"\n"]);
    text += draws.one(&["", "priority = \"engaged-first\"\n"]);
    text += draws.one(&["", "sources = [\"192.0.2.1\"]\n"]);
    let (spf, dkim) = (!draws.percent(20), !draws.percent(20));
    _ = writeln!(text, "authentication = {{ spf = {spf}, dkim = {dkim} }}");
    let share = |draws: &mut Draws| draws.one(&["0.0", "0.05", "0.25"]);
    _ = writeln!(
        text,
        "list = {{ unknown = {}, full = {}, traps = {}, engaged = {}, complaints = {}, complaint-delay = \"5min\", spam = {} }}",
        share(draws),
        share(draws),
        share(draws),
        share(draws),
        share(draws),
        share(draws)
    );
    text
}

fn network(draws: &mut Draws) -> String {
    let rtt = draws.one(&["\"0s\"", "\"40ms\"", "{ exponential = \"80ms\" }"]);
    let (reset, bad) = (draws.one(&["0.0", "0.1"]), draws.one(&["0.0", "0.2"]));
    let how = draws.one(&["refuses", "silent", "never-greets"]);
    let bandwidth = draws.one(&["", "bandwidth = \"100kB\"\n"]);
    let host =
        draws.one(&["", "host = { delivery = \"5ms\" }\n", "host = { arrival = \"2ms\", delivery = \"50ms\" }\n"]);
    format!("[network]\nrtt = {rtt}\nreset = {reset}\nbad-hosts = {bad}\nbad-how = \"{how}\"\n{bandwidth}{host}")
}

fn strategy(n: u64, draws: &mut Draws) -> String {
    if draws.percent(20) {
        let most = draws.from(1, 30);
        return format!(
            "[[strategy]]\npreset = \"oracle\"\nname = \"oracle-{n}\"\nsession = {{ recipients-per-message = {most} }}\n"
        );
    }
    let scope = draws.one(&["domain", "site", "source-site", "process", "recipient"]);
    let concurrency = match draws.below(4) {
        0 => "\"unlimited\"".to_owned(),
        1 => format!("{{ fixed = {} }}", draws.from(1, 30)),
        2 => {
            let steps = ["0", "0.25", "1", "1/concurrency", "1/sqrt_concurrency"];
            let (up, down) = (draws.one(&steps), draws.one(&steps));
            let (initial, rule) = (draws.from(1, 9), draws.one(&["shipped", "readme"]));
            format!(
                "{{ feedback = {{ initial = {initial}, positive = \"{up}\", negative = \"{down}\", rule = \"{rule}\" }} }}"
            )
        }
        _ => format!(
            "{{ aimd = {{ initial = 1, max = {}, per = \"{}\" }} }}",
            draws.from(1, 30),
            draws.one(&["delivery", "window"])
        ),
    };
    let pacing = match draws.below(6) {
        0 => "\"none\"".to_owned(),
        5 => format!("{{ rate-delay = {{ delay = \"{}s\", lag = \"5ms\" }} }}", draws.from(1, 9)),
        1 => format!(
            "{{ token-bucket = {{ messages = {}, per = \"1min\", burst = {} }} }}",
            draws.from(1, 600),
            draws.from(1, 9)
        ),
        2 => format!("{{ fixed-window = {{ messages = {}, per = \"5min\" }} }}", draws.from(1, 60)),
        _ => warm_up(draws),
    };
    let (breaker, retry) = (breaker(draws), retry(draws));
    let give_up = draws.one(&["5d", "30min", "3h"]);
    let mut text = format!(
        "[[strategy]]\nname = \"strategy-{n}\"\nscope = \"{scope}\"\nconcurrency = {concurrency}\npacing = {pacing}\nbreaker = {breaker}\n"
    );
    _ = writeln!(text, "retry = {{ {retry}, give-up = \"{give_up}\" }}");
    text += draws.one(&["", "", "push-back = \"handshake\"\nskip-5xx-greeting = true\n"]);
    if draws.percent(30) {
        let (deliveries, active) = (draws.from(1, 40), draws.from(1, 200));
        let (delay, intake) = (draws.one(&["0s", "1s"]), draws.one(&["0s", "20ms"]));
        _ = writeln!(
            text,
            "whole = {{ deliveries = {deliveries}, active = {active}, delay = \"{delay}\", intake = \"{intake}\" }}"
        );
    }
    if draws.percent(30) {
        text += "reading = [{ matches = \"^421\", means = \"slow-down\" }, { matches = \"^550 5.7\", means = \"deferral\" }]\n";
    }
    text + &session(draws)
}

fn breaker(draws: &mut Draws) -> String {
    match draws.below(3) {
        0 => "\"none\"".to_owned(),
        1 => format!("{{ dead-site = {{ cohorts = {}, pause = \"2min\" }} }}", draws.from(1, 3)),
        _ => format!("{{ suspend = {{ after = {}, pause = \"5min\" }} }}", draws.from(1, 5)),
    }
}

fn retry(draws: &mut Draws) -> String {
    match draws.below(3) {
        1 => format!(
            "age = {{ min = \"{}s\", max = \"20min\" }}, scan = {{ every = \"1min\" }}, whole-message = {}",
            draws.from(1, 300),
            draws.percent(70)
        ),
        0 => format!("list = [\"{}s\", \"10min\"]", draws.from(1, 100)),
        _ => format!(
            "exponential = {{ base = \"{}s\", factor = 2.0, cap = \"1h\", jitter = \"{}\" }}",
            draws.from(10, 300),
            draws.one(&["none", "full", "equal", "decorrelated"])
        ),
    }
}

/// The warm-up of a day or two, in frames in which it has something to hold back.
fn warm_up(draws: &mut Draws) -> String {
    let per = draws.one(&["1min", "10min", "1h", "7h", "1d"]);
    let first = draws.from(1, 60);
    if draws.percent(50) {
        return format!("{{ warm-up = {{ days = [{first}, {}], per = \"{per}\" }} }}", draws.from(1, 200));
    }
    let (factor, cap) = (draws.one(&["1.1", "1.4", "3.0"]), first + draws.below(500));
    format!("{{ warm-up = {{ first-day = {first}, factor = {factor}, cap = {cap}, per = \"{per}\" }} }}")
}

fn session(draws: &mut Draws) -> String {
    let most = draws.one(&["\"unlimited\"", "1", "7"]);
    let recipients = draws.from(1, 30);
    let idle = draws.one(&["0s", "5s", "10min"]);
    let reuse = draws.one(&["unlimited", "1min"]);
    let (counts_idle, pipelining, on_demand) = (draws.percent(50), draws.percent(50), draws.percent(30));
    format!(
        "[strategy.session]\nmessages-per-connection = {most}\nrecipients-per-message = {recipients}\nidle = \"{idle}\"\nreuse = \"{reuse}\"\ncounts-idle = {counts_idle}\npipelining = {pipelining}\non-demand = {on_demand}\n"
    )
}

fn change(rules: &[(String, String, bool)], draws: &mut Draws) -> String {
    let at = format!("[[timeline]]\nat = \"{}min\"\n", draws.from(1, 55));
    if rules.is_empty() || draws.percent(30) {
        return format!("{at}source = \"192.0.2.1\"\nreputation = 0.{}\n", draws.below(10));
    }
    if draws.percent(10) {
        let provider = &rules[0].0;
        return format!("{at}source = \"192.0.2.1\"\nprovider = \"{provider}\"\nreputation = 0.{}\n", draws.below(10));
    }
    let (provider, rule, is_limit) = &rules[usize::try_from(draws.below(rules.len() as u64)).unwrap()];
    let of = format!("{at}provider = \"{provider}\"\nrule = \"{rule}\"\n");
    if *is_limit && draws.percent(60) {
        return format!("{of}limit = {}\n", draws.one(&["0", "3", "100", "\"none\"", "{ unknown = [1, 40] }"]));
    }
    format!("{of}enabled = {}\n", draws.percent(50))
}
