//! Accounts that sources log in to, hosts of a provider, and counters of both.

use super::said;

#[test]
fn accounts() {
    let told = ["account = \"\"", "account = \"a\\nb\"", "acount = \"news\""];
    insta::assert_snapshot!(told.map(|new| said("count = 2", new)).join("\n\n----\n\n"));
}

#[test]
fn hosts() {
    let told = [
        "set.hosts = 0",
        "set.hosts = 101",
        "set.hosts = \"two\"",
        "set.rule.connections.per = \"client-ip-and-hots\"",
        "set.rule.connections.per = \"account\"",
        "set.rule.connections.per = \"client-ip-and-sender-domain\"",
    ];
    insta::assert_snapshot!(told.map(|new| said("set.rule.connections.limit = 8", new)).join("\n\n----\n\n"));
}
