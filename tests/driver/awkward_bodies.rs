//! Messages with bodies that are easily damaged, sent with the client's session alone: the driver's own messages have
//! no line that begins with a dot.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use mxlab::smtp::{BodyKind, ClientEvent, ClientSession, Transaction, UseTls, dot_stuff};

use super::arrived::{Arrived, number};

/// Bodies, and the numbers of their recipients, which no server in these tests refuses.
fn texts() -> [(usize, Vec<u8>); 5] {
    [
        (1, b".\r\n..\r\n...\r\n.x\r\n..x\r\nx.\r\n.\r\n".to_vec()),
        (2, b"\r\n\r\nhello\r\n\r\n.\r\n\r\n".to_vec()),
        (4, "äöü € \r\n.ä\r\n".as_bytes().to_vec()),
        // RFC 5321, section 4.5.3.1.6: 998 bytes before the line end, not counting a stuffed dot.
        (5, [".".repeat(998), "x".repeat(998), String::new()].join("\r\n").into_bytes()),
        // Lines that begin with a dot at every boundary that a buffer may have.
        (8, ".0123456789abc\r\n".repeat(20_000).into_bytes()),
    ]
}

/// Sends them all on one connection, where every one must be accepted.
pub(crate) fn deliver(at: SocketAddr) {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut call =
        Call { client: ClientSession::new("client.example", UseTls::Never), input: Vec::new(), out: Vec::new() };
    call.go_on(&mut stream, &[]);
    for (number, text) in &texts() {
        let transaction = Transaction {
            from: &format!("b{number}@sender.example"),
            recipients: &[&format!("r{number}@open.example")],
            size: text.len() as u64,
            body: if text.is_ascii() { BodyKind::SevenBit } else { BodyKind::EightBitMime },
            smtputf8: false,
            pipelining: true,
            chunking: true,
        };
        call.client.begin(&transaction, &mut call.out);
        call.go_on(&mut stream, text);
        let fates: Vec<bool> = call.client.results().map(|fate| fate.is_some_and(|fate| fate.delivered())).collect();
        assert_eq!(fates, [true], "message {number}");
    }
    call.client.quit(&mut call.out);
    call.go_on(&mut stream, &[]);
}

/// Checks that each of them arrived once, byte by byte.
pub(crate) fn arrived(arrived: &[Arrived]) {
    let mut got: Vec<(usize, &[u8])> = arrived.iter().map(|one| (number(&one.to[0]), one.text.as_slice())).collect();
    got.sort_by_key(|(number, _)| *number);
    let texts = texts();
    let sent: Vec<(usize, &[u8])> = texts.iter().map(|(number, text)| (*number, text.as_slice())).collect();
    let lengths = |all: &[(usize, &[u8])]| all.iter().map(|(n, text)| (*n, text.len())).collect::<Vec<_>>();
    assert_eq!(lengths(&got), lengths(&sent));
    assert!(got == sent, "bytes differ");
}

struct Call {
    client: ClientSession,
    input: Vec<u8>,
    out: Vec<u8>,
}

impl Call {
    /// Advances until the session has nothing to do, or is over.
    fn go_on(&mut self, stream: &mut TcpStream, text: &[u8]) {
        loop {
            let (used, event) = self.client.advance(&self.input, &mut self.out);
            let (mut wants_more, mut over) = (false, false);
            match event {
                ClientEvent::SendBody { dotted } => {
                    if dotted {
                        dot_stuff(text, &mut self.out);
                    } else {
                        self.out.extend_from_slice(text);
                    }
                    self.client.body_sent(&mut self.out);
                }
                ClientEvent::NeedInput => wants_more = true,
                ClientEvent::Idle | ClientEvent::Close(_) => over = true,
                ClientEvent::Replied { .. } | ClientEvent::Done => {}
                ClientEvent::StartTls => panic!("the client was told to do without TLS"),
            }
            self.input.drain(..used);
            stream.write_all(&std::mem::take(&mut self.out)).unwrap();
            if over {
                return;
            }
            if wants_more {
                let mut piece = [0; 4_096];
                let read = stream.read(&mut piece).unwrap();
                assert!(read > 0, "the server closed");
                self.input.extend_from_slice(&piece[..read]);
            }
        }
    }
}
