//! Whatever a client says, a session goes on or ends; at once or in pieces, it says the same.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use mxlab::smtp::{
    Extension, LineEnds, PolicyAnswer, ServerClose, ServerConfig, ServerEvent, ServerSession, SessionCounts,
};

fuzz_target!(|input: &[u8]| {
    let Some((setting, input)) = input.split_first() else { return };
    let config = Arc::new(config(*setting));
    let piece = usize::from(setting >> 4) + 1;
    assert_eq!(play(&config, input, input.len().max(1)), play(&config, input, piece));
});

/// A server that can do everything but STARTTLS, whose end depends on the buffer.
fn config(setting: u8) -> ServerConfig {
    ServerConfig {
        extensions: Extension::ALL.into_iter().filter(|extension| *extension != Extension::StartTls).collect(),
        line_ends: if setting & 1 == 0 { LineEnds::Strict } else { LineEnds::Lenient },
        size_max: (setting & 2 == 0).then_some(20),
        line_max: if setting & 4 == 0 { 2048 } else { 30 },
        auth_without_tls: true,
        auth_required: setting & 8 == 0,
        ..ServerConfig::default()
    }
}

type Played = (Vec<u8>, Vec<u8>, Option<ServerClose>, SessionCounts);

/// What a session writes, what messages it hands on, and how it ends.
fn play(config: &Arc<ServerConfig>, input: &[u8], piece: usize) -> Played {
    let (mut server, mut out, mut messages) = (ServerSession::new(Arc::clone(config)), Vec::new(), Vec::new());
    let (mut buffer, mut closed) = (Vec::new(), None);
    for arrived in [&[][..]].into_iter().chain(input.chunks(piece)) {
        buffer.extend_from_slice(arrived);
        loop {
            let (used, turn) = server.advance(&buffer, &mut out);
            match turn {
                ServerEvent::Ask(question) => {
                    // The world's mind is in the question, so that all answers come up.
                    let text = format!("{question:?}");
                    let refuse = text.bytes().map(u32::from).sum::<u32>() % 5 == 0;
                    let no = 450.try_into().unwrap();
                    let no = PolicyAnswer::Say { code: no, enhanced: None, text: "no\nno", close: false };
                    server.answer(if refuse { no } else { PolicyAnswer::Accept }, &mut out);
                }
                ServerEvent::Body(data) => messages.extend_from_slice(data),
                ServerEvent::Refused(_) => {}
                ServerEvent::Close(why) => closed = Some(why),
                ServerEvent::StartTls { .. } => unreachable!("it is not offered"),
                ServerEvent::NeedInput => {
                    buffer.drain(..used);
                    break;
                }
            }
            buffer.drain(..used);
            if closed.is_some() {
                break;
            }
        }
        assert!(buffer.len() < 12_288, "a session leaves no more than a line");
    }
    assert!(out.is_empty() || out.ends_with(b"\r\n"));
    (out, messages, closed, server.counts())
}
