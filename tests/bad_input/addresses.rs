//! Addresses of sources, domains of recipients and local parts of senders that cannot be.

use std::path::Path;

use mxlab::diagnostic::Document;
use mxlab::scenario::parse;

use super::{PROFILE, said};

#[test]
fn sources_that_no_host_sends_from_are_refused() {
    for (ip, what) in [
        ("0.0.0.0", "0.0.0.0 is the unspecified address"),
        ("::", ":: is the unspecified address"),
        ("224.0.0.1", "224.0.0.1 is a multicast address"),
        ("223.255.255.255", "224.0.0.0 is a multicast address"),
        ("ff02::1", "ff02::1 is a multicast address"),
        ("255.255.255.255", "255.255.255.255 is the broadcast address"),
        ("::ffff:0.0.0.0", "::ffff:0.0.0.0 is the unspecified address"),
    ] {
        let found = said("ip = \"192.0.2.1\"", &format!("ip = \"{ip}\""));
        assert!(found.contains(what), "{ip}: {found}");
    }
}

#[test]
fn a_profile_that_names_no_domain_needs_some_of_the_scenario() {
    let gateway = PROFILE.replace("[\"mine.example\"]", "\"*\"");
    let files = |_: &Path| Ok(gateway.clone());
    let scenario = |provider: &str| {
        let rest = "[[source]]\nip = \"192.0.2.1\"\n[[stream]]\narrivals = { at-once = { recipients = 5 } }\n\
                    [[strategy]]\npreset = \"fixed\"\n";
        let text = format!("[[provider]]\nprofile = \"mine.toml\"\n{provider}{rest}");
        parse(&Document::new("scenario.toml", text), Path::new(""), &files)
    };
    let found = scenario("").unwrap_err();
    assert!(found[0].message().contains("names none to write to"), "{}", found[0]);
    assert!(found[0].suggestion().is_some_and(|help| help.contains("domains = { \"a.example\" = 1 }")));
    assert_eq!(scenario("domains = { \"a.example\" = 1 }\n").unwrap().domains[0].name, "a.example");
}

#[test]
fn what_ends_the_local_part_of_a_sender_makes_an_address() {
    let stream = |local: &str| said("name = \"newsletter\"\n", &format!("name = \"newsletter\"\n{local}\n"));
    let long = "x".repeat(180);
    assert!(stream(&format!("sender-local-part = \"{long}\"")).ends_with("accepted"));
    assert!(stream(&format!("sender-local-part = \"{long}{long}\"")).contains("the sender's address gets too long"));
    assert!(stream("sender-local-part = \"a b\"").contains("`a b` cannot end a local part: bad address syntax"));
    assert!(stream("sender-local-part = \"a\\r\\nRSET\"").contains("cannot end a local part"));
}
