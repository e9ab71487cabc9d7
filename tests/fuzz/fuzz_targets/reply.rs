//! Whatever a server says is a reply or an error, at once or byte by byte; and a client that hears it comes to an end.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mxlab::smtp::{BodyKind, ClientEvent, ClientSession, Reply, ReplyReader, Transaction, UseTls};

fuzz_target!(|input: &[u8]| {
    let whole = ReplyReader::default().read(input).map(|(_, reply)| reply.map(|reply| reply.to_reply()));
    assert_eq!(whole, in_pieces(input));
    for (pipelining, chunking) in [(false, false), (true, true)] {
        hear(input, pipelining, chunking);
    }
});

/// The first reply of bytes that arrive one by one.
fn in_pieces(input: &[u8]) -> Result<Option<Reply>, mxlab::smtp::ReplyError> {
    let (mut reader, mut from) = (ReplyReader::default(), 0);
    for to in 1..=input.len() {
        match reader.read(&input[from..to])? {
            (used, None) => from += used,
            (_, Some(reply)) => return Ok(Some(reply.to_reply())),
        }
    }
    Ok(None)
}

/// A client that sends one message after the other to a server that says this.
fn hear(input: &[u8], pipelining: bool, chunking: bool) {
    let recipients = &["c@d.example", "e@f.example"];
    let body = BodyKind::EightBitMime;
    let transaction =
        Transaction { from: "a@b.example", recipients, size: 3, body, smtputf8: false, pipelining, chunking };
    let (mut client, mut out, mut at) = (ClientSession::new("a.example", UseTls::May), Vec::new(), 0);
    loop {
        let (used, event) = client.advance(&input[at..], &mut out);
        at += used;
        match event {
            ClientEvent::SendBody { .. } => client.body_sent(&mut out),
            ClientEvent::StartTls => client.secured(&mut out),
            ClientEvent::Done => assert!(client.results().all(|fate| fate.is_some())),
            ClientEvent::Idle if at < input.len() && used > 0 => {}
            ClientEvent::Idle if at == 0 || at >= input.len() => return,
            ClientEvent::Idle => client.begin(&transaction, &mut out),
            ClientEvent::Replied { .. } => {}
            ClientEvent::NeedInput | ClientEvent::Close(_) => return,
        }
    }
}
