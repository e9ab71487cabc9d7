//! Every file of `tests/dialogs` over a socket, with the code that serves real clients: reading, writing, waiting,
//! handshakes, closing. Only the decisions are the file's: a cluster decides by rules and has its own banner and
//! extensions, so that hardly any of these dialogs could be had with it word for word.

use std::collections::VecDeque;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Mutex;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::dialog::{Dialog, Peer, Scripted, kind};
use super::*;
use crate::live::clock::Speed;
use crate::live::stream::read_into;
use crate::record::OwnFailure;
use crate::smtp::{PolicyQuestion, ProtocolError, Reply, Stage};

#[path = "../../../tests/smtp/dialog.rs"]
mod dialog;

/// How long a test waits for anything before it fails.
const LONG: Duration = Duration::from_secs(30);

/// Messages that the handler received, first come first.
type Messages = Arc<Mutex<VecDeque<Vec<u8>>>>;

/// A handler that decides as a dialog's file says.
struct ScriptedHandler {
    answers: Vec<Scripted>,
    /// Whether every answer is a delayed one.
    delayed: bool,
    receives: bool,
    message: Vec<u8>,
    messages: Messages,
}

impl ScriptedHandler {
    fn of(dialog: &Dialog, delayed: bool) -> Self {
        let answers = dialog.setting.answers.clone();
        Self { answers, delayed, receives: false, message: Vec::new(), messages: Messages::default() }
    }

    fn response(&self, kind: &str, about: &str) -> RenderedVerdict {
        let delay = Span::ZERO;
        match Scripted::find(&self.answers, kind, about).cloned() {
            None => RenderedVerdict::Accept { delay },
            Some(Scripted { reply: None, .. }) => RenderedVerdict::Drop { delay },
            // An acceptance with a text of its own is written as a refusal is.
            Some(Scripted { reply: Some((code, enhanced, text)), close, .. }) => {
                RenderedVerdict::Refuse { reply: Reply { code, enhanced, text }, close, delay }
            }
        }
    }
}

impl SessionHandler for ScriptedHandler {
    fn decide(&mut self, question: &PolicyQuestion<'_>) -> HandlerDecision {
        self.receives = matches!(question, PolicyQuestion::Data { .. });
        match question {
            PolicyQuestion::Mail(_) => self.message.clear(),
            PolicyQuestion::EndOfData { size } => {
                return HandlerDecision::AfterProcessing { size: *size, service: Span::ZERO };
            }
            _ => {}
        }
        let (kind, about) = kind(question);
        let response = self.response(kind, &about);
        if self.delayed { HandlerDecision::Delayed(response) } else { HandlerDecision::Now(response) }
    }

    fn on_early_talk(&mut self) -> RenderedVerdict {
        RenderedVerdict::Accept { delay: Span::ZERO }
    }

    fn on_idle(&mut self) -> Option<RenderedVerdict> {
        None
    }

    async fn end_of_data(&mut self, size: u64) -> RenderedVerdict {
        let message = std::mem::take(&mut self.message);
        assert_eq!(size, message.len() as u64, "the size is that of what was given");
        self.messages.lock().unwrap().push_back(message);
        self.response("end-of-data", &size.to_string())
    }

    fn on_body(&mut self, piece: &[u8]) {
        self.message.extend_from_slice(piece);
    }

    async fn write_body(&mut self) {}

    fn on_protocol_error(&mut self, _: ProtocolError, _: Stage) {}

    fn is_receiving(&self) -> bool {
        self.receives
    }

    fn on_own_failure(&mut self, what: OwnFailure) {
        panic!("this machine was short of something: {what:?}");
    }

    fn on_connection_lost(&mut self) {}
}

/// What all dialogs have in common.
struct Lab {
    runtime: Runtime,
    tls: tls::ServerTls,
}

impl Lab {
    fn new() -> Self {
        let tls = tls::ServerTls::self_signed(&["mx.example".to_owned()], &[]).unwrap();
        Self {
            runtime: tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap(),
            tls,
        }
    }

    /// A client of a server that is set up as a dialog wants it.
    fn client(&self, dialog: &Dialog, piece: usize, delayed: bool) -> Client<'_> {
        let (script, tls) = (ScriptedHandler::of(dialog, delayed), self.tls.clone());
        let messages = Arc::clone(&script.messages);
        let server_config = Arc::new(dialog.setting.config.clone());
        let listener = self.runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let at = listener.local_addr().unwrap();
        let server = self.runtime.spawn(async move {
            let stop = CancellationToken::new();
            let clock = Clock::start(Speed::REAL);
            let (command_timeout, own_faults) = (Span::from_secs(300), &OwnFaults::default());
            let config = ConnectionConfig { clock, command_timeout, tls: Some(&tls), own_faults, stop: &stop };
            serve(listener.accept().await?.0, server_config, script, config).await
        });
        let stream = MaybeTlsStream::Plain(self.runtime.block_on(connected(at)));
        Client { lab: self, stream, piece, heard: Vec::new(), messages, server: Some(server) }
    }
}

async fn connected(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// The client's end of a socket.
struct Client<'a> {
    lab: &'a Lab,
    stream: MaybeTlsStream,
    /// Bytes that go out at a time.
    piece: usize,
    heard: Vec<u8>,
    messages: Messages,
    server: Option<JoinHandle<io::Result<Option<ServerClose>>>>,
}

impl Client<'_> {
    /// Waits for something that must come.
    fn wait<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let waiting = async { timeout(LONG, work).await };
        self.lab.runtime.block_on(waiting).unwrap_or_else(|_| panic!("nothing comes: {what}"))
    }
}

impl Peer for Client<'_> {
    fn send(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.piece) {
            let mut stream = std::mem::replace(&mut self.stream, MaybeTlsStream::Broken);
            self.wait("room for what is sent", async {
                // The server may have closed the connection already.
                let _ = stream.write_all(piece).await;
                let _ = stream.flush().await;
                tokio::task::yield_now().await;
            });
            self.stream = stream;
        }
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.heard.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.heard.drain(..end + 2).collect();
                return Some(String::from_utf8(line[..end].to_vec()).unwrap());
            }
            let (mut stream, mut heard) =
                (std::mem::replace(&mut self.stream, MaybeTlsStream::Broken), std::mem::take(&mut self.heard));
            // A reset is an end too: there is one where the server had not read all when it closed.
            let read = self.wait("a line", poll_fn(|cx| read_into(&mut stream, cx, &mut heard))).unwrap_or(0);
            (self.stream, self.heard) = (stream, heard);
            if read == 0 {
                assert_eq!(self.heard, b"", "half a line");
                return None;
            }
        }
    }

    fn handshake(&mut self) {
        assert_eq!(self.heard, b"", "said in the clear and not heard yet");
        let connector = tls::ClientTls::accepting_any_certificate().unwrap();
        let mut stream = std::mem::replace(&mut self.stream, MaybeTlsStream::Broken);
        self.wait("a handshake", stream.connect_tls(&connector, "mx.example", LONG)).unwrap();
        self.stream = stream;
    }

    fn message(&mut self) -> Option<Vec<u8>> {
        self.messages.lock().unwrap().pop_front()
    }

    fn closed(&mut self) -> Option<String> {
        let server = self.server.take()?;
        let why = self.wait("the end", server).unwrap().unwrap()?;
        let name = match why {
            ServerClose::Quit => "quit",
            ServerClose::Answered => "answered",
            ServerClose::Dropped => "dropped",
            ServerClose::ProtocolError(_) => "fault",
        };
        Some(name.to_owned())
    }

    fn unasked(&mut self) -> Option<String> {
        let mut stream = std::mem::replace(&mut self.stream, MaybeTlsStream::Broken);
        // The server may have closed the connection already.
        let _ = self.wait("the end of what is sent", stream.shutdown());
        self.stream = stream;
        self.line()
    }
}

/// All dialogs, by name.
fn dialogs() -> Vec<(String, Dialog)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogs");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let read = |file: &Path| Dialog::parse(&fs::read_to_string(file).unwrap());
    files.iter().map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), read(file))).collect()
}

#[test]
fn every_dialog_over_a_socket() {
    let lab = Lab::new();
    for (name, dialog) in dialogs() {
        for (piece, delayed) in [(usize::MAX, false), (usize::MAX, true), (1, false), (3, true)] {
            dialog.play(&name, &mut lab.client(&dialog, piece, delayed));
        }
    }
}

/// Refusals after which the session goes on are not among them: QUIT is answered then.
#[test]
fn an_immediate_refusal_says_what_a_session_would_have_said() {
    let lab = Lab::new();
    let mut names = Vec::new();
    for (name, dialog) in dialogs() {
        let greeting = ScriptedHandler::of(&dialog, false).response("connect", "");
        let server_config = Arc::new(dialog.setting.config.clone());
        let Some(said) = immediate_refusal(&server_config, &greeting) else { continue };
        assert!(
            immediate_refusal(&server_config, &greeting.delayed_by(Span::from_secs(1))).is_none(),
            "{name}: it takes its time"
        );
        let mut client = lab.client(&dialog, usize::MAX, false);
        let lines: String = std::iter::from_fn(|| client.line()).map(|line| line + "\r\n").collect();
        assert_eq!(String::from_utf8(said).unwrap(), lines, "{name}");
        names.push(name);
    }
    assert_eq!(names, ["dropped-at-connect.dialog", "refused-at-connect.dialog"]);
}

#[test]
#[should_panic(expected = "x:2: expected \"220 wrong\", heard Some(\"220 mx.example ESMTP\")")]
fn a_dialog_with_a_wrong_reply_fails() {
    let dialog = Dialog::parse("# A server that is called wrong.\nS: 220 wrong\n");
    dialog.play("x", &mut Lab::new().client(&dialog, 1, false));
}

#[test]
#[should_panic(expected = "x: at the end: expected None, heard Some(\"250 2.0.0 Ok\")")]
fn a_dialog_with_a_reply_too_many_fails() {
    let dialog = Dialog::parse("S: 220 *\nC: NOOP\n");
    dialog.play("x", &mut Lab::new().client(&dialog, usize::MAX, true));
}
