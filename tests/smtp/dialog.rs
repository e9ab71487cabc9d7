//! Dialog files: what a client sends and what a server answers, line by line. The same files can be played in memory
//! and over a socket; the player of them brings a [`Peer`].
//!
//! ```text
//! # A comment.
//! ! size-max 1000                                  the server's options, see `Setting::option`
//! ! at rcpt unknown@: 550 5.1.1 No such user        the world's answer to questions that contain a text
//! C: MAIL FROM:<a@b.example>                       the client sends; lines in a row go out together
//! C: half a line\                                  no line end; \r \n \0 \\ \xNN are bytes
//! S: 250 2.1.0 Sender ok                           the server answers exactly this
//! S: 354 *                                         … or something that begins so
//! T: handshake                                     both shake hands
//! M: a line of the message                         the world was given a message of these lines
//! X: quit                                          the server closes: quit, answered, dropped, fault
//! ```

use std::fmt::Debug;

use mxlab::smtp::{Code, EnhancedCode, Extension, Extensions, LineEnds, PolicyQuestion, ServerConfig, SessionLimits};

/// A dialog.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    /// What is said before the first line.
    pub(crate) setting: Setting,
    /// What happens, each with its line in the file.
    pub(crate) moves: Vec<(usize, Move)>,
}

/// The server's options, and the world's answers.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// How the server is set up.
    pub(crate) config: ServerConfig,
    /// The world's answers; what none is for is accepted.
    pub(crate) answers: Vec<Scripted>,
}

/// An answer to questions of a kind that contain a text.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    /// `connect`, `ehlo`, `mail`, `rcpt`, `data`, `end-of-data`, `auth`, `reset` or `xclient`.
    pub(crate) kind: String,
    /// What the question must contain.
    pub(crate) about: String,
    /// The reply; without one the connection is dropped.
    pub(crate) reply: Option<(Code, Option<EnhancedCode>, String)>,
    /// Close after the reply.
    pub(crate) close: bool,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// The client sends.
    Client(Vec<u8>),
    /// The server answers a line.
    Server(String),
    /// Both shake hands.
    Handshake,
    /// The world was given a message.
    Message(Vec<u8>),
    /// The server closes, for this reason.
    Close(String),
}

/// What plays the server's part.
pub(crate) trait Peer {
    /// Sends bytes to the server.
    fn send(&mut self, bytes: &[u8]);
    /// The next line from the server, without its line end; `None` if it says no more.
    fn line(&mut self) -> Option<String>;
    /// Shakes hands.
    fn handshake(&mut self);
    /// The next message that the world was given, if that can be known here.
    fn message(&mut self) -> Option<Vec<u8>>;
    /// Why the server closed, if it did.
    fn closed(&mut self) -> Option<String>;
    /// What it says though the client will say nothing more.
    fn unasked(&mut self) -> Option<String> {
        self.line()
    }
}

impl Dialog {
    /// Reads a file's text.
    pub(crate) fn parse(text: &str) -> Self {
        let setting =
            Setting { config: ServerConfig { host: "mx.example".into(), ..ServerConfig::default() }, answers: vec![] };
        let mut dialog = Self { setting, moves: Vec::new() };
        for (n, line) in (1..).zip(text.lines()) {
            let Some((mark, rest)) = line.split_once(' ') else {
                assert!(line.is_empty() || line == "#" || line.len() == 2, "line {n}: {line:?}");
                dialog.take(n, line, "");
                continue;
            };
            dialog.take(n, mark, rest);
        }
        dialog
    }

    fn take(&mut self, n: usize, mark: &str, rest: &str) {
        let next = match mark {
            "" | "#" => return,
            "!" => return self.setting.take(rest),
            "C:" => Move::Client(bytes(rest)),
            "S:" => Move::Server(rest.to_owned()),
            "T:" => Move::Handshake,
            "M:" => Move::Message(bytes(rest)),
            "X:" => Move::Close(rest.to_owned()),
            _ => panic!("line {n}: what is {mark}?"),
        };
        match (self.moves.last_mut(), next) {
            (Some((_, Move::Client(before))), Move::Client(more))
            | (Some((_, Move::Message(before))), Move::Message(more)) => before.extend(more),
            (_, next) => self.moves.push((n, next)),
        }
    }

    /// Plays the client's part, and checks the server's.
    pub(crate) fn play(&self, name: &str, peer: &mut impl Peer) {
        for (n, next) in &self.moves {
            let at = format!("{name}:{n}");
            match next {
                Move::Client(bytes) => peer.send(bytes),
                Move::Server(expected) => {
                    let heard = peer.line();
                    let met = heard.as_deref().is_some_and(|heard| match expected.strip_suffix('*') {
                        Some(start) => heard.starts_with(start),
                        None => heard == expected,
                    });
                    assert!(met, "{at}: expected {expected:?}, heard {heard:?}");
                }
                Move::Handshake => peer.handshake(),
                Move::Message(expected) => equal(&at, &peer.message().as_ref(), &Some(expected)),
                Move::Close(expected) => equal(&at, &peer.closed().as_ref(), &Some(expected)),
            }
        }
        equal(&format!("{name}: at the end"), &peer.unasked(), &None);
    }
}

impl Setting {
    fn take(&mut self, line: &str) {
        match line.strip_prefix("at ") {
            Some(answer) => self.answers.push(Scripted::parse(answer)),
            None => self.option(line),
        }
    }

    fn option(&mut self, line: &str) {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        let config = &mut self.config;
        match key {
            "host" => config.host = value.into(),
            "banner" => config.banner = value.into(),
            "extensions" => config.extensions = extensions(value),
            "offer" => config.extensions = extensions(value).iter().fold(config.extensions, Extensions::with),
            "size-max" => config.size_max = Some(value.parse().unwrap()),
            "size-said" => config.size_advertised = Some(value.parse().unwrap()),
            "line-max" => config.line_max = value.parse().unwrap(),
            "recipients-max" => config.recipients_max = value.parse().unwrap(),
            "faults-max" => config.errors_max = value.parse().unwrap(),
            "idle-max" => config.junk_commands_max = value.parse().unwrap(),
            "lenient" => config.line_ends = LineEnds::Lenient,
            "tls-needed" => config.tls_required = true,
            "auth-needed" => config.auth_required = true,
            "auth-in-the-clear" => config.auth_without_tls = true,
            "limits" => {
                let mut values = value.split(' ').map(|value| value.parse().ok());
                let mut next = || values.next().flatten();
                config.limits = SessionLimits { mail_max: next(), rcpt_max: next(), rcpt_domain_max: next() };
            }
            _ => panic!("what is {key}?"),
        }
    }
}

impl Scripted {
    /// The answer to a question; none is a yes.
    pub(crate) fn find<'a>(answers: &'a [Self], kind: &str, about: &str) -> Option<&'a Self> {
        answers.iter().find(|answer| answer.kind == kind && about.contains(&answer.about))
    }

    /// `kind [about]: [close] code [enhanced] text`, or `kind [about]: drop`.
    fn parse(line: &str) -> Self {
        let (question, answer) = line.split_once(": ").unwrap_or_else(|| panic!("no answer in {line:?}"));
        let (kind, about) = question.split_once(' ').unwrap_or((question, ""));
        let (close, reply) = answer.strip_prefix("close ").map_or((false, answer), |reply| (true, reply));
        let reply = (answer != "drop").then(|| {
            let (code, text) = reply.split_once(' ').unwrap();
            let code: Code = code.parse::<u16>().unwrap().try_into().unwrap();
            let enhanced = text.split_once(' ').and_then(|(word, rest)| Some((word.parse().ok()?, rest)));
            let (enhanced, text) = enhanced.map_or((None, text), |(enhanced, rest)| (Some(enhanced), rest));
            (code, enhanced, text.replace("\\n", "\n"))
        });
        Self { kind: kind.into(), about: about.into(), reply, close }
    }
}

/// A question's kind, and what it is about.
pub(crate) fn kind(question: &PolicyQuestion<'_>) -> (&'static str, String) {
    match question {
        PolicyQuestion::Connect => ("connect", String::new()),
        PolicyQuestion::Hello { name, .. } => ("ehlo", (*name).to_owned()),
        PolicyQuestion::Mail(mail) => ("mail", mail.from.as_str().to_owned()),
        PolicyQuestion::Rcpt(rcpt) => ("rcpt", rcpt.to.as_str().to_owned()),
        PolicyQuestion::Data { chunked } => ("data", if *chunked { "chunked".to_owned() } else { String::new() }),
        PolicyQuestion::EndOfData { size } => ("end-of-data", size.to_string()),
        PolicyQuestion::Auth(who) => ("auth", format!("{}/{}/{}", who.identity, who.user, who.password)),
        PolicyQuestion::Reset { .. } => ("reset", String::new()),
        PolicyQuestion::IdleCommand => ("idle", String::new()),
        PolicyQuestion::XClient(attributes) => {
            let words = attributes.iter().map(|(name, value)| format!("{}={value:?}", name.name()));
            ("xclient", words.collect::<Vec<_>>().join(" "))
        }
    }
}

fn extensions(words: &str) -> Extensions {
    let known = |word| Extension::ALL.into_iter().find(|known| known.keyword() == word);
    let words = words.split(' ').filter(|word| !word.is_empty());
    words.map(|word| known(word).unwrap_or_else(|| panic!("what is {word}?"))).collect()
}

/// A line's bytes: escapes undone, a line end added unless the line ends in a backslash.
fn bytes(line: &str) -> Vec<u8> {
    let (line, end) = match line.strip_suffix('\\') {
        Some(open) if !open.ends_with('\\') => (open, ""),
        _ => (line, "\r\n"),
    };
    let (mut out, mut chars) = (Vec::new(), line.chars());
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('r')) => out.push(b'\r'),
            ('\\', Some('n')) => out.push(b'\n'),
            ('\\', Some('0')) => out.push(0),
            ('\\', Some('\\')) => out.push(b'\\'),
            ('\\', Some('x')) => {
                let digits: String = chars.by_ref().take(2).collect();
                out.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            ('\\', other) => panic!("what is \\{other:?}?"),
            (c, _) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.extend_from_slice(end.as_bytes());
    out
}

fn equal<T: PartialEq + Debug>(at: &str, heard: &T, expected: &T) {
    assert!(heard == expected, "{at}: expected {expected:?}, heard {heard:?}");
}
