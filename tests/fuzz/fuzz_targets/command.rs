//! Any line is a command or refused, whatever is offered; and an address that is read can be read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mxlab::smtp::{Address, Command, Extension, Extensions, Path};

fuzz_target!(|line: &[u8]| {
    let all: Extensions = Extension::ALL.into_iter().collect();
    for offered in [Extensions::NONE, all] {
        match Command::parse(line, offered) {
            Ok(Command::Mail(mail)) => again(mail.from),
            Ok(Command::Rcpt(rcpt)) => again(rcpt.to),
            Ok(Command::XClient(attributes)) => assert!(attributes.iter().count() > 0),
            _ => {}
        }
    }
});

fn again(path: Path<'_>) {
    let written = format!("<{}>", path.as_str());
    assert_eq!(Path::parse(&written, true), Ok((path, "")));
    if let Path::Mailbox(mailbox) = path {
        assert_eq!(Address::parse(mailbox.as_str(), true), Ok(mailbox));
        assert_eq!(format!("{}@{}", mailbox.local(), mailbox.domain()), mailbox.as_str());
    }
}
