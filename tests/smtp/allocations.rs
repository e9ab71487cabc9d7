//! Once warm, neither end of a session asks the allocator for anything.

use std::sync::Arc;

use allocation_counter::measure;
use mxlab::smtp::{
    BodyKind, ClientEvent, ClientSession, Filler, PolicyAnswer, ServerConfig, ServerEvent, ServerSession, Transaction,
    UseTls,
};

/// Both ends, and the bytes between them.
struct Line {
    client: ClientSession,
    server: ServerSession,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
}

impl Line {
    /// Moves bytes until the client has nothing to do; how many bytes of messages arrived.
    fn talk(&mut self) -> usize {
        let (mut arrived, mut done) = (0, false);
        while !done {
            loop {
                let (used, event) = self.client.advance(&self.to_client, &mut self.to_server);
                let (waits, sends) = match event {
                    ClientEvent::NeedInput => (true, false),
                    ClientEvent::Idle => {
                        done = true;
                        (true, false)
                    }
                    ClientEvent::SendBody { .. } => (false, true),
                    _ => (false, false),
                };
                self.to_client.drain(..used);
                if sends {
                    Filler::new(1000).for_each(|piece| self.to_server.extend_from_slice(piece));
                    self.client.body_sent(&mut self.to_server);
                }
                if waits {
                    break;
                }
            }
            loop {
                let (used, turn) = self.server.advance(&self.to_server, &mut self.to_client);
                let waits = match turn {
                    ServerEvent::Ask(_) => {
                        self.server.answer(PolicyAnswer::Accept, &mut self.to_client);
                        false
                    }
                    ServerEvent::Body(piece) => {
                        arrived += piece.len();
                        false
                    }
                    ServerEvent::NeedInput => true,
                    other => panic!("{other:?}"),
                };
                self.to_server.drain(..used);
                if waits {
                    break;
                }
            }
        }
        arrived
    }

    fn send(&mut self, pipelining: bool, chunking: bool) {
        let recipients = &["b@mx.example", "c@mx.example"];
        let body = BodyKind::EightBitMime;
        let transaction =
            Transaction { from: "a@b.example", recipients, size: 1000, body, smtputf8: false, pipelining, chunking };
        self.client.begin(&transaction, &mut self.to_server);
        assert_eq!(self.talk(), 1000);
    }
}

#[test]
fn a_message_costs_no_allocation() {
    let (client, server) =
        (ClientSession::new("a.example", UseTls::Never), ServerSession::new(Arc::new(ServerConfig::default())));
    let mut line = Line { client, server, to_server: Vec::new(), to_client: Vec::new() };
    line.talk();
    let ways = [(false, false), (true, false), (false, true), (true, true)];
    for (pipelining, chunking) in ways {
        line.send(pipelining, chunking);
    }
    let asked = measure(|| {
        for (pipelining, chunking) in ways.into_iter().cycle().take(40) {
            line.send(pipelining, chunking);
        }
    });
    assert_eq!(asked.count_total, 0, "{asked:?}");
    assert_eq!(line.server.counts().messages, 44);
}
