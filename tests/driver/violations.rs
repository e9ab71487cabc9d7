//! Servers that break the protocol: what they said is told by name, and what can still be understood counts.

use std::net::SocketAddr;
use std::time::Duration;

use mxlab::live::tls::{ClientTls, StartTls};
use mxlab::live::{LiveTrial, TrialHalt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Campaign, drive_to};

/// A server that says this to the connection (an empty word) and to these words of a client; to all else it says yes.
#[derive(Clone, Copy)]
struct Script(&'static [(&'static str, &'static str)]);

impl Script {
    async fn listen(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(self.serve(stream));
            }
        });
        at
    }

    fn reply(self, word: &str) -> &'static str {
        let own = self.0.iter().find(|(said, _)| *said == word).map(|(_, reply)| *reply);
        own.unwrap_or(match word {
            "" => "220 mx\r\n",
            "DATA" => "354 go on\r\n",
            "QUIT" => "221 bye\r\n",
            _ => "250 ok\r\n",
        })
    }

    async fn serve(self, mut stream: TcpStream) -> Option<()> {
        stream.write_all(self.reply("").as_bytes()).await.ok()?;
        let (mut input, mut in_message) = (Vec::new(), false);
        loop {
            let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
                if stream.read_buf(&mut input).await.ok()? == 0 {
                    return None;
                }
                continue;
            };
            let line: Vec<u8> = input.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let word = line.split(' ').next().unwrap_or_default();
            if in_message && word != "." {
                continue;
            }
            in_message = word == "DATA";
            stream.write_all(self.reply(word).as_bytes()).await.ok()?;
            if word == "STARTTLS" && self.reply(word).starts_with("220") {
                // The hello of a TLS client, and what is no answer to it.
                stream.read_buf(&mut input).await.ok()?;
                stream.write_all(b"554 this is no TLS\r\n").await.ok()?;
                return None;
            }
        }
    }
}

async fn sent_to(script: &'static [(&'static str, &'static str)], tls: StartTls) -> LiveTrial {
    let campaign = Campaign { recipients: 3, speed: 60_000.0, ..Campaign::default() };
    drive_to(&campaign, Script(script).listen().await, tls).await
}

fn connector() -> ClientTls {
    ClientTls::accepting_any_certificate().unwrap()
}

/// What was recorded in the place of replies: stage and text, each once.
fn told(live: &LiveTrial) -> Vec<(&str, &str)> {
    live.trial.cells[0].replies.iter().map(|reply| (reply.stage.as_str(), reply.text.as_str())).collect()
}

#[tokio::test]
async fn what_breaks_the_protocol_is_told_at_its_stage() {
    for (script, stage, text) in [
        (&[("", "354 hello\r\n")] as &[_], "connect", "(protocol violation: `354 hello` is no reply to a connection)"),
        (&[("", "HTTP/1.1 400 Bad\r\n")], "connect", "(protocol violation: no reply code: `HTTP/1.1 400 Bad`)"),
        (
            &[("EHLO", "250-a\r\n554 b\r\n")],
            "ehlo",
            "(protocol violation: a reply that began with 250 goes on with 554: `554 b`)",
        ),
        (
            &[("MAIL", "150 soon\r\n")],
            "mail",
            "(protocol violation: 150 is not an SMTP reply code; codes run from 200 to 599: `150 soon`)",
        ),
        (&[("RCPT", "354 go\r\n")], "rcpt", "(protocol violation: `354 go` is no reply to RCPT)"),
        (&[("DATA", "250 ok\r\n")], "data", "(protocol violation: `250 ok` is no reply to DATA)"),
        (
            &[(".", "999 \u{1b}[2Jx\r\n")],
            "end-of-data",
            "(protocol violation: 999 is not an SMTP reply code; codes run from 200 to 599: `999 ?[2Jx`)",
        ),
    ] {
        let live = sent_to(script, StartTls::Never).await;
        assert_eq!(told(&live), [(stage, text)]);
        let totals = live.trial.cells[0].totals;
        assert_eq!((totals.delivered, totals.expired, totals.failed), (0, 3, totals.attempts), "{totals:?}");
        assert!(live.halted.is_none() && live.trial.own_failures.is_empty());
    }
}

#[tokio::test]
async fn a_reply_too_many_is_told_and_loses_no_message() {
    let live = sent_to(&[(".", "250 ok\r\n250 extra\r\n")], StartTls::Never).await;
    assert_eq!(told(&live), [("mail", "(protocol violation: `250 extra` came unasked)")]);
    assert_eq!(live.trial.cells[0].totals.delivered, 3);
}

#[tokio::test]
async fn a_long_line_is_cut_and_its_reply_counts() {
    let long: &'static str = Box::leak(format!("550 5.7.1 {}\r\n", "x".repeat(3_000)).into_boxed_str());
    let script: &'static [(&str, &str)] = Box::leak(Box::new([("RCPT", long)]));
    let live = sent_to(script, StartTls::Never).await;
    let totals = live.trial.cells[0].totals;
    assert_eq!((totals.bounced, totals.attempts, totals.failed), (3, 3, 0), "{totals:?}");
    assert!(matches!(told(&live)[..], [("rcpt", text)] if text.starts_with("550 5.7.1 xxx")));
}

#[tokio::test]
async fn what_goes_wrong_with_tls_is_told() {
    const OFFERED: (&str, &str) = ("EHLO", "250-mx\r\n250 STARTTLS\r\n");
    let garbage = sent_to(&[OFFERED, ("STARTTLS", "220 go\r\n")], StartTls::May(connector())).await;
    assert!(matches!(told(&garbage)[..], [("ehlo", text)] if text.starts_with("(TLS handshake failed: ")));
    let injected = sent_to(&[OFFERED, ("STARTTLS", "220 go\r\n250 gift\r\n")], StartTls::May(connector())).await;
    let gift = "(protocol violation: `250 gift` came behind the reply to STARTTLS, in the clear)";
    assert_eq!(told(&injected), [("ehlo", gift)]);
}

#[tokio::test]
async fn without_tls_no_mail_goes_out_where_it_is_a_must() {
    const REFUSED: &[(&str, &str)] = &[("EHLO", "250-mx\r\n250 STARTTLS\r\n"), ("STARTTLS", "500 what\r\n")];
    const BROKEN: &[(&str, &str)] = &[REFUSED[0], ("STARTTLS", "220 go\r\n")];
    for (script, why) in [(REFUSED, "STARTTLS was answered with `500 what`"), (&[], "STARTTLS is not offered")] {
        let must = sent_to(script, StartTls::Must(connector())).await;
        let Some(TrialHalt::NoTls { why: said, .. }) = must.halted else { panic!("{:?}", must.halted) };
        assert_eq!(said, format!("no TLS: {why}"));
        assert_eq!((must.trial.cells[0].totals.attempts, must.stopped), (0, true), "and nothing is booked");
        let may = sent_to(script, StartTls::May(connector())).await;
        let totals = may.trial.cells[0].totals;
        assert_eq!((totals.delivered, may.halted), (3, None));
        // Where TLS is not offered, clear text was asked for; where it is refused, that is told and counted.
        let refused: Vec<&String> = may.clear_text.values().collect();
        assert_eq!((refused.is_empty(), totals.starttls_refused > 0), (script.is_empty(), !script.is_empty()));
        assert!(refused.iter().all(|reply| *reply == "500 what"), "{refused:?}");
    }
    let broken = sent_to(BROKEN, StartTls::Must(connector())).await;
    assert!(
        matches!(broken.halted, Some(TrialHalt::NoTls { why, .. }) if why.starts_with("no TLS: the handshake failed"))
    );
}

#[tokio::test]
async fn a_server_that_is_busy_first_is_still_asked_for_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        first.write_all(b"421 busy\r\n").await.unwrap();
        drop(first);
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(Script(&[]).serve(stream));
        }
    });
    let campaign = Campaign { recipients: 3, speed: 60_000.0, ..Campaign::default() };
    let live = drive_to(&campaign, at, StartTls::Must(connector())).await;
    assert!(matches!(live.halted, Some(TrialHalt::NoTls { .. })), "{:?}", live.halted);
}

#[tokio::test]
async fn a_reply_has_its_time_as_a_whole() {
    // A byte now and then keeps no reply alive: the time-out of a second holds for all of it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                while stream.write_all(b"2").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
            });
        }
    });
    let live = drive_to(&Campaign { recipients: 1, speed: 60_000.0, ..Campaign::default() }, at, StartTls::Never).await;
    assert_eq!(told(&live), [("connect", "(no greeting)")]);
}
