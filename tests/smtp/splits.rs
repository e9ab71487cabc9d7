//! However the bytes are cut, they mean the same: sessions, messages and replies.

use mxlab::smtp::{DataPiece, DataReader, EnhancedCode, Extension, LineEnds, Reply, ReplyReader};
use proptest::prelude::*;
use proptest::sample::select;

use super::dialog::{Dialog, Setting};
use super::world::World;

/// What clients say, well and badly. Not STARTTLS: what is behind it goes with the buffer it came in.
const FRAGMENTS: &[&str] = &[
    "EHLO a.example\r\n",
    "HELO a.example\r\n",
    "MAIL FROM:<a@b.example>\r\n",
    "MAIL FROM:<> SIZE=9 BODY=8BITMIME\r\n",
    "MAIL FROM:<ü@b.example> SMTPUTF8\r\n",
    "RCPT TO:<c@d.example>\r\n",
    "RCPT TO:<no@d.example>\r\n",
    "DATA\r\n",
    "BDAT 5\r\nab\r\n.",
    "BDAT 3 LAST\r\n.\r\n",
    "BDAT 7\r\nabc",
    "AUTH PLAIN AG1lAHNlY3JldA==\r\n",
    "AUTH LOGIN\r\nbWU=\r\nc2VjcmV0\r\n",
    "XCLIENT ADDR=192.0.2.1\r\n",
    "RSET\r\n",
    "NOOP\r\n",
    "QUIT\r\n",
    "Subject: x\r\n",
    ".\r\n",
    "..\r\n",
    ".x\r\n",
    "\r\n",
    "\r\n.\r\n",
    "\r",
    "\n",
    ".",
    "\0",
    "x",
    "a line of more than forty bytes, with its end\r\n",
];

fn session() -> impl Strategy<Value = Vec<u8>> {
    let opening = select(&["", "EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"][..]);
    (opening, prop::collection::vec(select(FRAGMENTS), 0..24))
        .prop_map(|(opening, fragments)| [opening.as_bytes(), fragments.concat().as_bytes()].concat())
}

fn setting() -> impl Strategy<Value = Setting> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(lenient, short, small)| {
        let refusals = "! at rcpt no@: 550 5.1.1 No\n! at end-of-data 3: close 451 Later\n! auth-in-the-clear\n";
        let mut setting = Dialog::parse(refusals).setting;
        let config = &mut setting.config;
        config.extensions = Extension::ALL.into_iter().collect();
        config.line_ends = if lenient { LineEnds::Lenient } else { LineEnds::Strict };
        config.line_max = if short { 40 } else { config.line_max };
        config.size_max = small.then_some(8);
        config.errors_max = 6;
        setting
    })
}

/// The bytes in pieces of the lengths given, the last one repeated.
fn cut<'a>(bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let (mut rest, mut pieces, mut lengths) = (bytes, Vec::new(), lengths.iter().cycle());
    while !rest.is_empty() {
        let (piece, more) = rest.split_at((*lengths.next().unwrap()).min(rest.len()));
        pieces.push(piece);
        rest = more;
    }
    pieces
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..40_usize, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sessions_do_not_depend_on_how_bytes_arrive(input in session(), setting in setting(), lengths in lengths()) {
        let (mut whole, mut pieces) = (World::new(&setting, 1), World::new(&setting, 1));
        whole.arrive(&input);
        for piece in cut(&input, &lengths) {
            pieces.arrive(piece);
        }
        prop_assert_eq!(&pieces.log, &whole.log);
        prop_assert_eq!(pieces.out.escape_ascii().to_string(), whole.out.escape_ascii().to_string());
        prop_assert_eq!(&pieces.messages, &whole.messages);
        prop_assert_eq!(pieces.closed, whole.closed);
        prop_assert_eq!(pieces.server.counts(), whole.server.counts());
    }

    #[test]
    fn a_message_is_what_its_definition_says(
        input in prop::collection::vec(select(&["\r\n", "\r", "\n", ".", "..", "a", "\r\n."][..]), 0..24),
        lengths in lengths(),
    ) {
        let input = input.concat() + "\r\n.\r\n" + "MAIL";
        let (mut body, mut buffer, mut data, mut used) = (DataReader::default(), Vec::new(), Vec::new(), 0);
        let mut ended = false;
        for piece in cut(input.as_bytes(), &lengths) {
            buffer.extend_from_slice(piece);
            while !ended {
                let (more, piece) = body.next(&buffer);
                match piece {
                    DataPiece::Data(piece) => data.extend_from_slice(piece),
                    DataPiece::End => ended = true,
                    DataPiece::Unfinished if more == 0 => break,
                    DataPiece::Unfinished => {}
                }
                used += more;
                buffer.drain(..more);
            }
        }
        let (expected, length) = defined(&input);
        prop_assert_eq!(String::from_utf8(data).unwrap(), expected);
        prop_assert_eq!(used, length);
    }

    #[test]
    fn replies_are_read_as_they_were_written(replies in prop::collection::vec(reply(), 1..6), lengths in lengths()) {
        let mut wire = Vec::new();
        for reply in &replies {
            reply.write(&mut wire);
        }
        let (mut reader, mut buffer, mut read) = (ReplyReader::default(), Vec::new(), Vec::new());
        for piece in cut(&wire, &lengths) {
            buffer.extend_from_slice(piece);
            loop {
                let (used, reply) = reader.read(&buffer).unwrap();
                let whole = reply.is_some();
                read.extend(reply.map(|reply| reply.to_reply()));
                buffer.drain(..used);
                if !whole {
                    break;
                }
            }
        }
        prop_assert!(buffer.is_empty());
        prop_assert_eq!(read, replies);
    }

    #[test]
    fn the_reader_takes_whatever_comes(input in prop::collection::vec(any::<u8>(), 0..200), lengths in lengths()) {
        let mut whole = ReplyReader::default();
        let expected = whole.read(&input).map(|(_, reply)| reply.map(|reply| reply.to_reply()));
        let (mut reader, mut buffer, mut found) = (ReplyReader::default(), Vec::new(), Ok(None));
        for piece in cut(&input, &lengths) {
            buffer.extend_from_slice(piece);
            match reader.read(&buffer) {
                Ok((used, None)) => drop(buffer.drain(..used)),
                Ok((_, Some(reply))) => found = Ok(Some(reply.to_reply())),
                Err(error) => found = Err(error),
            }
            if found != Ok(None) {
                break;
            }
        }
        prop_assert_eq!(found, expected);
    }
}

/// The message at the beginning of the input, by the words of RFC 5321, section 4.5.2, and how long it is on the wire.
fn defined(input: &str) -> (String, usize) {
    let mut message = String::new();
    let mut used = 0;
    for line in input.split_inclusive("\r\n") {
        used += line.len();
        match line.strip_prefix('.') {
            Some("\r\n") => return (message, used),
            Some(rest) => message.push_str(rest),
            None => message.push_str(line),
        }
    }
    panic!("no end in {input:?}");
}

/// A reply that a line can hold; text that begins like an enhanced code is one.
fn reply() -> impl Strategy<Value = Reply> {
    let codes = (select(&[2_u8, 4, 5][..]), 0..100_u16, prop::option::of((0..1000_u16, 0..1000_u16)));
    (codes, "[a-zü \\[\\]{}.]{0,40}(\n[a-zü .]{0,40}){0,4}").prop_map(|((class, code, enhanced), text)| {
        let enhanced = enhanced.map(|(subject, detail)| EnhancedCode { class, subject, detail });
        Reply { code: (u16::from(class) * 100 + code).try_into().unwrap(), enhanced, text }
    })
}
