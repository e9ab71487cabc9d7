//! A message inside a message: every line end that was ever taken for the end of one, at a strict and at a lenient
//! server. No smuggled command may ever be asked about.

use mxlab::smtp::LineEnds;

use super::dialog::Dialog;
use super::world::World;

/// What was taken for the end of data by some server or other, none of it being it.
const ENDS: &[&str] = &[
    "\n.\n",
    "\n.\r\n",
    "\n.\r",
    "\r.\r",
    "\r.\n",
    "\r.\r\n",
    "\r\n.\n",
    "\r\n.\r",
    "\r\n.\r\r\n",
    "\r\r\n.\r\r\n",
    "\r\n\r.\r\n",
    "\r\n\n.\r\n",
    "\r\n.\0\r\n",
    "\r\n\0.\r\n",
    "\r\0\n.\r\n",
    "\r\n. \r\n",
    "\r\n .\r\n",
    "\r\n..\r\n",
    "\r\n.\u{85}",
    "\u{2028}.\u{2028}",
    "\u{b}.\u{b}",
    "\u{c}.\r\n",
];

#[test]
fn what_is_hidden_in_a_message_stays_there() {
    for line_ends in [LineEnds::Strict, LineEnds::Lenient] {
        for end in ENDS {
            for piece in [usize::MAX, 1] {
                let mut setting = Dialog::parse("").setting;
                setting.config.line_ends = line_ends;
                let mut world = World::new(&setting, 1);
                let hidden =
                    format!("text{end}MAIL FROM:<evil@b.example>\r\nRCPT TO:<x@d.example>\r\nDATA\r\nevil\r\n.\r\n");
                let input =
                    format!("HELO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n{hidden}QUIT\r\n");
                input.as_bytes().chunks(piece.min(input.len())).for_each(|piece| world.arrive(piece));
                let asked = world.log.iter().filter(|line| line.starts_with("mail ") || line.starts_with("rcpt "));
                assert_eq!(asked.collect::<Vec<_>>(), ["mail a@b.example", "rcpt c@d.example"], "{end:?}");
                assert_eq!(world.log.last().unwrap(), "close Quit", "{end:?}");
            }
        }
    }
}

#[test]
fn what_a_lenient_server_takes_it_takes_whole() {
    for end in ENDS {
        let mut world = World::new(&Dialog::parse("! lenient").setting, 1);
        let message = format!("text{end}QUIT\r\n");
        let begin = "HELO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n";
        world.arrive(format!("{begin}{message}.\r\n").as_bytes());
        // The one thing that goes is a dot before a line.
        let expected = message.replace("\r\n.", "\r\n");
        assert_eq!(world.messages.pop_front().unwrap(), expected.into_bytes(), "{end:?}");
    }
}

#[test]
fn what_is_said_before_the_handshake_is_gone() {
    let mut world = World::new(&Dialog::parse("! offer STARTTLS").setting, 1);
    world.arrive(b"EHLO a\r\nSTARTTLS\r\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<x@d.example>\r\n");
    assert_eq!(world.log.last().unwrap(), "tls, 51 injected");
    world.secured();
    world.arrive(b"EHLO a\r\nMAIL FROM:<a@b.example>\r\n");
    assert_eq!(world.log.last().unwrap(), "mail a@b.example");
    assert_eq!(world.log.iter().filter(|line| line.starts_with("mail")).count(), 1);
    assert_eq!(world.server.counts().injected, 51);
}
