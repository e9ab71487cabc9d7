//! The client against replies written down line by line.

use super::*;
use crate::smtp::parameter::BodyKind;

const OFFERS: &str = "250-mx\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-CHUNKING\r\n250 8BITMIME\r\n";

/// Gives the client input, and writes down what it says and what happens, up to where it needs more.
struct Play {
    client: ClientSession,
    log: Vec<String>,
}

impl Play {
    fn new(tls: UseTls) -> Self {
        Self { client: ClientSession::new("me", tls), log: Vec::new() }
    }

    fn ready(offers: &str) -> Self {
        let mut play = Self::new(UseTls::Never);
        play.server("220 mx\r\n");
        play.server(offers);
        play.log.clear();
        play
    }

    fn server(&mut self, input: &str) {
        let mut at = 0;
        loop {
            let mut out = Vec::new();
            let (used, event) = self.client.advance(&input.as_bytes()[at..], &mut out);
            at += used;
            let (text, goes_on) = match event {
                ClientEvent::Replied { to, reply } => (format!("{to:?} {}", reply.code), true),
                ClientEvent::Done => ("done".to_owned(), true),
                ClientEvent::NeedInput | ClientEvent::Idle => (String::new(), false),
                ClientEvent::SendBody { dotted } => {
                    self.client.body_sent(&mut out);
                    (format!("body dotted={dotted}"), true)
                }
                ClientEvent::StartTls => ("tls".to_owned(), false),
                ClientEvent::Close(end) => (format!("{end:?}"), false),
            };
            self.note(&text);
            self.said(&out);
            if !goes_on {
                return;
            }
        }
    }

    fn begin(&mut self, recipients: &[&str], pipelining: bool, chunking: bool) {
        let body = BodyKind::EightBitMime;
        let transaction = Transaction { from: "a@b", recipients, size: 9, body, smtputf8: false, pipelining, chunking };
        let mut out = Vec::new();
        self.client.begin(&transaction, &mut out);
        self.said(&out);
        self.server("");
    }

    fn note(&mut self, text: &str) {
        if !text.is_empty() {
            self.log.push(text.to_owned());
        }
    }

    fn said(&mut self, out: &[u8]) {
        for line in String::from_utf8_lossy(out).split_terminator("\r\n") {
            self.log.push(format!("> {line}"));
        }
    }

    /// What was written down, and what became of the recipients.
    fn end(&mut self) -> String {
        let outcomes: Vec<String> = self.client.results().map(outcome).collect();
        [std::mem::take(&mut self.log).join("; "), outcomes.join(", ")].join(" | ")
    }
}

fn outcome(outcome: Option<RecipientReply<'_>>) -> String {
    match outcome {
        Some(outcome) if outcome.delivered() => "delivered".to_owned(),
        Some(RecipientReply { stage, reply }) => format!("{stage} {} {}", reply.code, reply.text),
        None => "open".to_owned(),
    }
}

#[test]
fn one_command_after_the_other() {
    let mut play = Play::ready(OFFERS);
    play.begin(&["c@d", "e@f"], false, false);
    for reply in ["250 ok\r\n", "250 ok\r\n", "550 no\r\n", "354 go\r\n", "250 ok\r\n"] {
        play.server(reply);
    }
    assert_eq!(
        play.end(),
        "> MAIL FROM:<a@b> SIZE=9 BODY=8BITMIME; Mail 250; > RCPT TO:<c@d>; Rcpt(0) 250; > RCPT TO:<e@f>; Rcpt(1) 550; \
         > DATA; Data 354; body dotted=true; > .; EndOfData 250; done | delivered, rcpt 550 no"
    );
}

#[test]
fn all_in_one_go() {
    let mut play = Play::ready(OFFERS);
    play.begin(&["c@d", "e@f"], true, false);
    play.server("250 ok\r\n451 later\r\n250 ok\r\n354 go\r\n");
    play.server("452 full\r\n");
    assert_eq!(
        play.end(),
        "> MAIL FROM:<a@b> SIZE=9 BODY=8BITMIME; > RCPT TO:<c@d>; > RCPT TO:<e@f>; > DATA; Mail 250; Rcpt(0) 451; \
         Rcpt(1) 250; Data 354; body dotted=true; > .; EndOfData 452; done | rcpt 451 later, end-of-data 452 full"
    );
}

#[test]
fn the_message_is_part_of_the_go_with_chunking() {
    let mut play = Play::ready(OFFERS);
    play.begin(&["c@d"], true, true);
    play.server("250 ok\r\n250 ok\r\n250 ok\r\n");
    assert_eq!(
        play.end(),
        "> MAIL FROM:<a@b> SIZE=9 BODY=8BITMIME; > RCPT TO:<c@d>; > BDAT 9 LAST; body dotted=false; Mail 250; Rcpt(0) \
         250; EndOfData 250; done | delivered"
    );
    play.begin(&["c@d"], true, true);
    play.server("250 ok\r\n550 no\r\n554 none\r\n250 reset\r\n");
    assert!(play.end().ends_with("EndOfData 554; > RSET; Reset 250; done | rcpt 550 no"));
}

#[test]
fn chunking_without_pipelining_sends_the_message_when_it_is_its_turn() {
    let mut play = Play::ready("250-mx\r\n250 CHUNKING\r\n");
    play.begin(&["c@d"], true, true);
    play.server("250 ok\r\n");
    play.server("250 ok\r\n");
    play.server("250 ok\r\n");
    assert_eq!(
        play.end(),
        "> MAIL FROM:<a@b>; Mail 250; > RCPT TO:<c@d>; Rcpt(0) 250; > BDAT 9 LAST; body dotted=false; EndOfData 250; \
         done | delivered"
    );
}

#[test]
fn data_without_recipients_is_ended_at_once() {
    let mut play = Play::ready(OFFERS);
    play.begin(&["c@d"], true, false);
    play.log.clear();
    play.server("250 ok\r\n550 no\r\n354 go\r\n");
    play.server("554 nobody\r\n");
    assert_eq!(play.end(), "Mail 250; Rcpt(0) 550; Data 354; > .; EndOfData 554; done | rcpt 550 no");
}

#[test]
fn a_refused_transaction_is_reset_only_if_it_is_open() {
    let mut play = Play::ready(OFFERS);
    play.begin(&["c@d"], true, false);
    play.log.clear();
    play.server("451 no\r\n503 what\r\n503 what\r\n");
    assert_eq!(play.end(), "Mail 451; Rcpt(0) 503; Data 503; done | mail 451 no");
    play.begin(&["c@d"], false, false);
    play.log.clear();
    play.server("250 ok\r\n");
    play.server("550 no\r\n");
    play.server("250 reset\r\n");
    assert_eq!(play.end(), "Mail 250; > RCPT TO:<c@d>; Rcpt(0) 550; > RSET; Reset 250; done | rcpt 550 no");
}

#[test]
fn four_two_one_decides_about_all_that_is_open() {
    let mut play = Play::ready(OFFERS);
    play.begin(&["c@d", "e@f", "g@h"], true, false);
    play.log.clear();
    play.server("250 ok\r\n550 no\r\n421 bye\r\n250 never read\r\n");
    let outcomes = "rcpt 550 no, rcpt 421 bye, rcpt 421 bye";
    assert_eq!(play.end(), format!("Mail 250; Rcpt(0) 550; Rcpt(1) 421; ServiceClosing(Rcpt(1)) | {outcomes}"));
}

#[test]
fn results_are_there_when_the_connection_is_gone() {
    let mut play = Play::ready(OFFERS);
    play.begin(&["c@d", "e@f"], true, false);
    play.server("250 ok\r\n550 no\r\n");
    assert!(play.end().ends_with("| rcpt 550 no, open"));
    assert_eq!(play.client.awaiting(), Some(SessionStep::Rcpt(1)));
}

#[test]
fn the_greeting_and_ehlo_may_refuse() {
    for (input, log) in [
        ("554 no\r\n", "Connect 554; > QUIT; Refused(Connect) | "),
        ("421 busy\r\n", "Connect 421; ServiceClosing(Connect) | "),
        (
            "220 mx\r\n500 what\r\n550 no\r\n",
            "Connect 220; > EHLO me; Ehlo 500; > HELO me; Helo 550; > QUIT; Refused(Helo) | ",
        ),
        ("220 mx\r\n451 no\r\n", "Connect 220; > EHLO me; Ehlo 451; > QUIT; Refused(Ehlo) | "),
        ("220 mx\r\n500 what\r\n250 mx\r\n", "Connect 220; > EHLO me; Ehlo 500; > HELO me; Helo 250 | "),
    ] {
        let mut play = Play::new(UseTls::Never);
        play.server(input);
        assert_eq!(play.end(), log);
    }
}

#[test]
fn tls_is_used_as_told() {
    let offered = "220 mx\r\n250-mx\r\n250 STARTTLS\r\n";
    let hello = "Connect 220; > EHLO me; Ehlo 250";
    for (tls, input, log) in [
        (UseTls::Never, offered.to_owned(), ""),
        (UseTls::May, format!("{offered}220 go\r\n"), "; > STARTTLS; StartTls 220; tls"),
        (UseTls::May, format!("{offered}454 not now\r\n"), "; > STARTTLS; StartTls 454"),
        (UseTls::Must, format!("{offered}454 not now\r\n"), "; > STARTTLS; StartTls 454; > QUIT; NoTls"),
        (UseTls::Must, "220 mx\r\n250 mx\r\n".to_owned(), "; > QUIT; NoTls"),
        (UseTls::Must, format!("{offered}220 go\r\n250 gift\r\n"), "; > STARTTLS; StartTls 220; Injected"),
    ] {
        let mut play = Play::new(tls);
        play.server(&input);
        assert_eq!(play.end(), format!("{hello}{log} | "), "{tls:?}");
    }
}

#[test]
fn after_tls_the_offers_are_asked_for_again() {
    let mut play = Play::new(UseTls::Must);
    play.server("220 mx\r\n");
    play.server("250-mx\r\n250-SIZE 5\r\n250 STARTTLS\r\n");
    play.server("220 go\r\n");
    let mut out = Vec::new();
    play.client.secured(&mut out);
    assert_eq!((out.as_slice(), *play.client.offers()), (&b"EHLO me\r\n"[..], Capabilities::default()));
    play.server("250-mx\r\n250 PIPELINING\r\n");
    assert!(play.client.offers().has(Extension::Pipelining) && play.client.awaiting().is_none());
}

#[test]
fn what_answers_nothing_ends_the_session() {
    let mut play = Play::ready(OFFERS);
    play.server("250 hello?\r\n");
    assert!(play.end().starts_with("Unsolicited 250; Unexpected(Unsolicited"));
    let mut play = Play::ready(OFFERS);
    play.server("421 idle too long\r\n");
    assert_eq!(play.end(), "Unsolicited 421; ServiceClosing(Unsolicited) | ");
    let mut play = Play::ready(OFFERS);
    play.begin(&["c@d"], true, false);
    play.server("354 too early\r\n");
    assert!(play.end().contains("Mail 354; Unexpected(Mail"));
    let mut play = Play::ready(OFFERS);
    play.begin(&["c@d"], true, false);
    play.server("250-a\r\n451 b\r\n");
    assert!(play.end().contains("Broken(MixedCodes"));
}

#[test]
fn what_breaks_the_protocol_is_told_with_what_was_said() {
    let offered = "220 mx\r\n250-mx\r\n250 STARTTLS\r\n";
    for (input, step, what) in [
        ("354 hello\r\n", SessionStep::Connect, "`354 hello` is no reply to a connection"),
        ("HTTP/1.1 400 Bad\r\n", SessionStep::Connect, "no reply code: `HTTP/1.1 400 Bad`"),
        ("150 wait\r\n", SessionStep::Connect, "150 is not an SMTP reply code; codes run from 200 to 599: `150 wait`"),
        ("220-a\r\n554 b\r\n", SessionStep::Connect, "a reply that began with 220 goes on with 554: `554 b`"),
        ("220 mx\r\n250 a\r\n250 b\r\n", SessionStep::Unsolicited, "`250 b` came unasked"),
        (
            &format!("{offered}220 go\r\n250 gift\r\n"),
            SessionStep::StartTls,
            "`250 gift` came behind the reply to STARTTLS, in the clear",
        ),
        (&("220-a\r\n".repeat(200)), SessionStep::Connect, "a reply of more than 128 lines: `220-a`"),
    ] {
        let mut play = Play::new(UseTls::May);
        play.server(input);
        let violation = play.client.violation().unwrap();
        assert_eq!((violation.step, violation.what.as_str()), (step, what), "{input:.80}");
    }
    let mut play = Play::new(UseTls::Must);
    play.server("554 no\r\n");
    assert_eq!(play.client.violation(), None, "a refusal is none");
}

#[test]
fn quit_is_waited_for() {
    let mut play = Play::ready(OFFERS);
    let mut out = Vec::new();
    play.client.quit(&mut out);
    play.server("221 bye\r\n");
    assert_eq!((out.as_slice(), play.end().as_str()), (&b"QUIT\r\n"[..], "Quit 221; Quit | "));
}
