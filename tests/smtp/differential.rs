//! Our parsers against smtp-proto, where that is right. Where it is not (address literals, postmaster, details above
//! 255, replies of mixed codes, dots in the first line, `\r\n.\r\r\n`) our own tests speak.

use std::borrow::Cow;

use mxlab::smtp::{BodyKind, Command, DataPiece, DataReader, DsnNotify, DsnReturn, Extension, dot_stuff};
use proptest::prelude::*;
use proptest::sample::select;
use smtp_proto as theirs;
use smtp_proto::Request;
use smtp_proto::request::receiver::DataReceiver;

/// A meaning that both can say.
#[derive(Debug, PartialEq)]
enum Meaning {
    Hello(&'static str, String),
    Mail { from: String, size: u64, body: u64, utf8: bool, ret: u64, envid: Option<String> },
    Rcpt { to: String, notify: u64, orcpt: Option<String> },
    Bdat(u64, bool),
    Other(&'static str),
}

fn ours(line: &str) -> Option<Meaning> {
    let offered = Extension::ALL.into_iter().collect();
    Some(match Command::parse(line.as_bytes(), offered).ok()? {
        Command::Ehlo(name) => Meaning::Hello("EHLO", name.to_owned()),
        Command::Helo(name) => Meaning::Hello("HELO", name.to_owned()),
        Command::Mail(mail) => Meaning::Mail {
            from: mail.from.as_str().to_owned(),
            size: mail.size.unwrap_or(0),
            body: match mail.body {
                BodyKind::SevenBit => 0,
                BodyKind::EightBitMime => theirs::MAIL_BODY_8BITMIME,
                BodyKind::BinaryMime => theirs::MAIL_BODY_BINARYMIME,
            },
            utf8: mail.smtputf8,
            ret: match mail.ret {
                None => 0,
                Some(DsnReturn::Full) => theirs::MAIL_RET_FULL,
                Some(DsnReturn::Headers) => theirs::MAIL_RET_HDRS,
            },
            envid: mail.envid.map(from_xtext),
        },
        Command::Rcpt(rcpt) => Meaning::Rcpt {
            to: rcpt.to.as_str().to_owned(),
            notify: rcpt.notify.map_or(0, flags),
            // Without its type, as they have it.
            orcpt: rcpt.orcpt.and_then(|orcpt| Some(from_xtext(orcpt.split_once(';')?.1))),
        },
        Command::Bdat { size, last } => Meaning::Bdat(size, last),
        Command::Data => Meaning::Other("DATA"),
        Command::Rset => Meaning::Other("RSET"),
        Command::Noop => Meaning::Other("NOOP"),
        Command::Quit => Meaning::Other("QUIT"),
        Command::StartTls => Meaning::Other("STARTTLS"),
        _ => return None,
    })
}

/// What xtext says (RFC 3461, section 4), which we hand on as it came.
fn from_xtext(text: &str) -> String {
    let (first, others) = text.split_once('+').map_or((text, None), |(first, others)| (first, Some(others)));
    let decoded = others.into_iter().flat_map(|others| others.split('+')).map(|part| {
        let (digits, rest) = part.split_at(2);
        char::from(u8::from_str_radix(digits, 16).expect("two digits follow")).to_string() + rest
    });
    first.to_owned() + &decoded.collect::<String>()
}

fn flags(notify: DsnNotify) -> u64 {
    let flag = |on: bool, flag| if on { flag } else { 0 };
    match notify {
        DsnNotify { success: false, failure: false, delay: false } => theirs::RCPT_NOTIFY_NEVER,
        DsnNotify { success, failure, delay } => {
            flag(success, theirs::RCPT_NOTIFY_SUCCESS)
                | flag(failure, theirs::RCPT_NOTIFY_FAILURE)
                | flag(delay, theirs::RCPT_NOTIFY_DELAY)
        }
    }
}

fn their(line: &str) -> Option<Meaning> {
    let line = format!("{line}\r\n");
    Some(match Request::parse(&mut line.as_bytes().iter()).ok()? {
        Request::Ehlo { host } => Meaning::Hello("EHLO", host.into_owned()),
        Request::Helo { host } => Meaning::Hello("HELO", host.into_owned()),
        Request::Mail { from } => Meaning::Mail {
            from: from.address.into_owned(),
            size: from.size as u64,
            body: from.flags & (theirs::MAIL_BODY_8BITMIME | theirs::MAIL_BODY_BINARYMIME),
            utf8: from.flags & theirs::MAIL_SMTPUTF8 != 0,
            ret: from.flags & (theirs::MAIL_RET_FULL | theirs::MAIL_RET_HDRS),
            envid: from.env_id.map(Cow::into_owned),
        },
        Request::Rcpt { to } => {
            Meaning::Rcpt { to: to.address.into_owned(), notify: to.flags, orcpt: to.orcpt.map(Cow::into_owned) }
        }
        Request::Bdat { chunk_size, is_last } => Meaning::Bdat(chunk_size as u64, is_last),
        Request::Data => Meaning::Other("DATA"),
        Request::Rset => Meaning::Other("RSET"),
        Request::Noop { .. } => Meaning::Other("NOOP"),
        Request::Quit => Meaning::Other("QUIT"),
        Request::StartTls => Meaning::Other("STARTTLS"),
        _ => return None,
    })
}

/// A command that is right, in any case.
fn command() -> impl Strategy<Value = String> {
    let host = "[a-z0-9]{1,8}(\\.[a-z0-9][a-z0-9-]{0,6}[a-z0-9]){0,3}";
    let address = "[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,12}(\\.[a-z0-9]{1,5}){0,2}@[a-z0-9]{1,8}(\\.[a-z]{2,6}){1,3}";
    let mail = subset(&[" SIZE=12345", " BODY=8BITMIME", " SMTPUTF8", " RET=HDRS", " ENVID=QQ314159"]);
    let rcpt = subset(&[" NOTIFY=SUCCESS,DELAY", " ORCPT=rfc822;a@b.example"]);
    let chunk =
        (0..1_000_000_u32, any::<bool>()).prop_map(|(n, last)| format!("BDAT {n}{}", if last { " LAST" } else { "" }));
    prop_oneof![
        host.prop_map(|host| format!("EHLO {host}")),
        host.prop_map(|host| format!("HELO {host}")),
        (address, mail).prop_map(|(from, parameters)| format!("MAIL FROM:<{from}>{parameters}")),
        Just("MAIL FROM:<>".to_owned()),
        (address, rcpt).prop_map(|(to, parameters)| format!("RCPT TO:<{to}>{parameters}")),
        chunk,
        select(&["DATA", "RSET", "NOOP", "QUIT", "STARTTLS", "data", "Quit"][..]).prop_map(str::to_owned),
    ]
}

fn subset(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::subsequence(words, 0..=words.len()).prop_shuffle().prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_right_means_the_same(line in command()) {
        let meaning = ours(&line);
        prop_assert!(meaning.is_some(), "{}", line);
        prop_assert_eq!(meaning, their(&line));
    }

    #[test]
    fn what_both_take_means_the_same(line in command(), at in any::<prop::sample::Index>(), with in "[ -~]{0,2}") {
        let mut broken = line;
        let at = at.index(broken.len());
        broken.replace_range(at..=at, &with);
        if let (Some(ours), Some(theirs)) = (ours(&broken), their(&broken)) {
            prop_assert_eq!(ours, theirs, "{}", broken);
        }
    }

    /// Of all that may go wrong in a command, chance hits these once in ten thousand.
    #[test]
    fn what_is_written_as_xtext_means_the_same(code in any::<u8>(), upper in any::<bool>()) {
        let hex = if upper { format!("+{code:02X}") } else { format!("+{code:02x}") };
        for line in [
            format!("RCPT TO:<a@b.example> NOTIFY=DELAY ORCPT=rfc822;a@b{hex}{hex}c.example"),
            format!("MAIL FROM:<a@b.example> ENVID=QQ{hex}314159"),
        ] {
            let meaning = ours(&line);
            prop_assert!(meaning.is_some(), "{}", line);
            prop_assert_eq!(meaning, their(&line));
        }
    }

    #[test]
    fn messages_mean_the_same(lines in prop::collection::vec("[a-z.]{0,3}", 1..20)) {
        let message = format!("x{}\r\n", lines.join("\r\n"));
        let mut wire = Vec::new();
        dot_stuff(message.as_bytes(), &mut wire);
        wire.extend_from_slice(b".\r\n");
        let mut read = Vec::new();
        prop_assert!(DataReceiver::new().ingest(&mut wire.iter(), &mut read));
        let (mut body, mut own, mut at) = (DataReader::default(), Vec::new(), 0);
        loop {
            let (used, piece) = body.next(&wire[at..]);
            at += used;
            match piece {
                DataPiece::Data(piece) => own.extend_from_slice(piece),
                DataPiece::End => break,
                DataPiece::Unfinished => prop_assert!(used > 0),
            }
        }
        prop_assert_eq!(&own, message.as_bytes());
        prop_assert_eq!(&read, &own);
    }
}
