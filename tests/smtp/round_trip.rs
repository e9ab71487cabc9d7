//! The client meets the server in memory: whatever either of them can, the message that arrives is the message that was
//! sent, and every recipient's result is the one its provider had in mind.

use mxlab::smtp::{
    BodyKind, Class, ClientEvent, ClientSession, Extension, Extensions, SessionStep, Stage, Transaction, UseTls,
    dot_stuff,
};
use proptest::prelude::*;
use proptest::sample::select;

use super::dialog::Dialog;
use super::world::World;

/// A client and a server, and the bytes between them.
struct Pair {
    client: ClientSession,
    world: World,
    /// Bytes that go in one piece at most.
    piece: usize,
    to_client: Vec<u8>,
    heard: usize,
    steps: Vec<SessionStep>,
}

impl Pair {
    fn new(answers: &str, extensions: Extensions, tls: UseTls, piece: usize) -> Self {
        let mut setting = Dialog::parse(answers).setting;
        setting.config.extensions = extensions;
        let (client, world) = (ClientSession::new("client.example", tls), World::new(&setting, piece));
        Self { client, world, piece, to_client: Vec::new(), heard: 0, steps: Vec::new() }
    }

    /// Lets both talk until the client has nothing to do, or the connection is gone. `message` is what is sent.
    fn talk(&mut self, message: &[u8]) -> bool {
        let mut out = Vec::new();
        loop {
            let (used, event) = self.client.advance(&self.to_client, &mut out);
            match event {
                ClientEvent::Replied { to, .. } => self.steps.push(to),
                ClientEvent::SendBody { dotted: true } => {
                    dot_stuff(message, &mut out);
                    self.client.body_sent(&mut out);
                }
                ClientEvent::SendBody { dotted: false } => {
                    out.extend_from_slice(message);
                    self.client.body_sent(&mut out);
                }
                ClientEvent::StartTls => {
                    self.world.secured();
                    self.client.secured(&mut out);
                }
                ClientEvent::Done => {}
                ClientEvent::Idle if self.to_client.len() == used => return true,
                ClientEvent::Idle | ClientEvent::NeedInput => {
                    self.to_client.drain(..used);
                    self.carry(&mut out);
                    if self.heard == self.world.out.len() {
                        return false;
                    }
                    let to = (self.heard + self.piece).min(self.world.out.len());
                    self.to_client.extend_from_slice(&self.world.out[self.heard..to]);
                    self.heard = to;
                    continue;
                }
                ClientEvent::Close(_) => return false,
            }
            self.to_client.drain(..used);
            self.carry(&mut out);
        }
    }

    /// Carries what the client said to the server, in pieces.
    fn carry(&mut self, out: &mut Vec<u8>) {
        out.chunks(self.piece).for_each(|piece| self.world.arrive(piece));
        out.clear();
    }

    fn send(&mut self, transaction: &Transaction<'_>, message: &[u8]) -> bool {
        let mut out = Vec::new();
        self.client.begin(transaction, &mut out);
        self.carry(&mut out);
        self.talk(message)
    }
}

/// The recipients and what their provider has in mind for them.
const MINDS: &[(&str, Option<u16>)] =
    &[("yes@a.example", None), ("yes@b.example", None), ("no@a.example", Some(550)), ("later@a.example", Some(451))];

const ANSWERS: &str = "! lenient\n! at rcpt no@: 550 5.1.1 No\n! at rcpt later@: 451 4.2.0 Later\n";

fn extensions() -> impl Strategy<Value = Extensions> {
    let known = [Extension::Pipelining, Extension::Size, Extension::Chunking, Extension::EnhancedStatusCodes];
    prop::sample::subsequence(known.to_vec(), 0..=known.len()).prop_map(|some| some.into_iter().collect())
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(select(&["\r\n", ".", "a", "\n", "\r", "\0", "\r\n."][..]), 0..40)
        .prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_arrives(
        extensions in extensions(),
        (pipelining, chunking) in any::<(bool, bool)>(),
        minds in prop::collection::vec(select(MINDS), 1..6),
        message in message(),
        piece in select(&[1, 2, 7, 100_000][..]),
        refused in prop::option::of(select(&["mail", "data", "end-of-data"][..])),
    ) {
        let refusal = refused.map_or(String::new(), |stage| format!("! at {stage}: 452 4.3.1 Full\n"));
        let mut pair = Pair::new(&(ANSWERS.to_owned() + &refusal), extensions, UseTls::Never, piece);
        prop_assert!(pair.talk(&[]));
        let recipients: Vec<&str> = minds.iter().map(|(address, _)| *address).collect();
        let transaction = Transaction {
            from: "a@client.example", recipients: &recipients, size: message.len() as u64,
            body: BodyKind::SevenBit, smtputf8: false, pipelining, chunking,
        };
        for _ in 0..2 {
            prop_assert!(pair.send(&transaction, &message), "{:?}", pair.world.log);
            let chunked = chunking && extensions.has(Extension::Chunking);
            prop_assert_eq!(fates(&pair), expected(&minds, refused, chunked));
            let arrived = pair.world.messages.pop_front();
            let taken = refused.is_none_or(|stage| stage == "end-of-data");
            if taken && minds.iter().any(|(_, code)| code.is_none()) {
                prop_assert_eq!(arrived, Some(wire_form(&message, chunked)));
            } else {
                prop_assert_eq!(arrived, None);
            }
        }
    }
}

fn fates(pair: &Pair) -> Vec<(Stage, u16)> {
    pair.client.results().map(|fate| fate.unwrap()).map(|fate| (fate.stage, fate.reply.code.get())).collect()
}

fn expected(minds: &[(&str, Option<u16>)], refused: Option<&str>, chunked: bool) -> Vec<(Stage, u16)> {
    let fate = |(_, mind): &(&str, Option<u16>)| match (mind, refused) {
        (_, Some("mail")) => (Stage::Mail, 452),
        (Some(code), _) => (Stage::Rcpt, *code),
        // What refuses a chunk comes in the place of the reply to the message.
        (None, Some("data")) => (if chunked { Stage::EndOfData } else { Stage::Data }, 452),
        (None, Some(_)) => (Stage::EndOfData, 452),
        (None, None) => (Stage::EndOfData, 250),
    };
    minds.iter().map(fate).collect()
}

/// What a message becomes on the way: after DATA its last line has an end.
fn wire_form(message: &[u8], chunked: bool) -> Vec<u8> {
    let ended = chunked || message.is_empty() || message.ends_with(b"\r\n");
    [message, if ended { b"" } else { b"\r\n" }].concat()
}

#[test]
fn tls_goes_through_on_both_sides() {
    let extensions = [Extension::StartTls, Extension::Pipelining].into_iter().collect();
    let mut pair = Pair::new("! tls-needed", extensions, UseTls::Must, 3);
    assert!(pair.talk(&[]));
    let transaction = Transaction {
        from: "",
        recipients: &["a@b.example"],
        size: 3,
        body: BodyKind::SevenBit,
        smtputf8: false,
        pipelining: true,
        chunking: false,
    };
    assert!(pair.send(&transaction, b"x\r\n"));
    assert!(pair.client.results().all(|fate| fate.is_some_and(|fate| fate.delivered())));
    assert_eq!(pair.world.log[2], "tls, 0 injected");
    let once_more = [SessionStep::Connect, SessionStep::Ehlo, SessionStep::StartTls, SessionStep::Ehlo];
    assert_eq!(pair.steps[..4], once_more);
}

#[test]
fn a_reply_that_closes_ends_both_sides() {
    let extensions = Extensions::NONE.with(Extension::Pipelining);
    let mut pair = Pair::new("! at rcpt b@: close 421 4.7.0 Bye", extensions, UseTls::Never, 1);
    assert!(pair.talk(&[]));
    let recipients = ["a@b.example", "b@b.example", "c@b.example"];
    let transaction = Transaction {
        from: "",
        recipients: &recipients,
        size: 0,
        body: BodyKind::SevenBit,
        smtputf8: false,
        pipelining: true,
        chunking: false,
    };
    assert!(!pair.send(&transaction, b""));
    let fates: Vec<_> = pair.client.results().map(|fate| fate.unwrap()).collect();
    assert!(fates.iter().all(|fate| (fate.stage, fate.reply.class()) == (Stage::Rcpt, Class::Transient)));
}
