//! What `serve` says to programs on standard output: who serves, every event as it happens, and the summary.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::cli::Failure;
use crate::cli::output::{json_line, unwritten};
use crate::cli::output_line::{
    Accepted, Closed, ConnectionFields, DecisionFields, EventLine, EventVerdict, Lost, MessageFields, Opened,
    OutputLine, Refused,
};
use crate::live::{LiveEvent, LiveEventKind, LiveMessage, MxCluster};
use crate::smtp::Class;

/// Bytes of lines that wait to be written. Further events are lost, and counted: a slow reader must not slow mail down.
const WAITING_MAX: usize = 32 << 20;

/// A reader that takes nothing for so long, once all is over, gets no more.
const STALLED: Duration = Duration::from_secs(10);

/// Writes lines to standard output, in a thread of its own.
pub(super) struct EventWriter {
    lines: Sender<String>,
    queue: Arc<LineQueue>,
    /// How the thread ended.
    ended: Receiver<io::Result<()>>,
}

/// What is known of the lines on their way.
#[derive(Debug, Default)]
struct LineQueue {
    /// Bytes that wait.
    waiting: AtomicUsize,
    /// Lines that have left.
    written: AtomicU64,
    /// Events that found no room.
    lost: AtomicU64,
}

impl EventWriter {
    /// Begins with a first line.
    pub(super) fn begin(first: &OutputLine<'_>) -> Result<Self, Failure> {
        let (lines, inbox) = channel::<String>();
        let (end, ended) = channel();
        let queue = Arc::<LineQueue>::default();
        let of_thread = queue.clone();
        let thread = thread::Builder::new().name("events".to_owned());
        let spawned = thread.spawn(move || drop(end.send(write_lines(&inbox, &of_thread))));
        spawned.map_err(|error| Failure::unwritten(format_args!("the system gives no thread for events: {error}")))?;
        let this = Self { lines, queue, ended };
        this.send(json_line(first)?);
        Ok(this)
    }

    /// Writes the cluster's events from here on.
    pub(super) fn listen(&self, cluster: &MxCluster) {
        let names: Vec<String> = cluster.policies().iter().map(|policy| policy.name.clone()).collect();
        let (lines, queue) = (self.lines.clone(), self.queue.clone());
        cluster.set_event_listener(Some(Box::new(move |event| {
            queue.offer(&lines, &OutputLine::Event(event_line(&names, event)));
        })));
    }

    /// Events that were lost because their reader was too slow.
    pub(super) fn lost(&self) -> u64 {
        self.queue.lost.load(Ordering::Relaxed)
    }

    /// Ends with a last line, and waits until all lines are written, as long as their reader takes any.
    pub(super) fn end(self, last: &OutputLine<'_>) -> Result<(), Failure> {
        self.send(json_line(last)?);
        let Self { lines, queue, ended } = self;
        drop(lines);
        let mut before = queue.written.load(Ordering::Relaxed);
        loop {
            match ended.recv_timeout(STALLED) {
                Ok(Ok(())) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(Err(error)) => return Err(unwritten(&error)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let written = queue.written.load(Ordering::Relaxed);
            if written == before {
                return Err(unwritten(&io::Error::new(ErrorKind::TimedOut, "its reader takes nothing any more")));
            }
            before = written;
        }
    }

    /// Sends a line that is never lost. A reader that went away needs none.
    fn send(&self, line: String) {
        self.queue.waiting.fetch_add(line.len(), Ordering::Relaxed);
        let _ = self.lines.send(line);
    }
}

impl LineQueue {
    /// Sends an event's line, if there is room.
    fn offer(&self, lines: &Sender<String>, line: &OutputLine<'_>) {
        let Ok(line) = json_line(line) else { return };
        let size = line.len();
        if self.waiting.fetch_add(size, Ordering::Relaxed) + size > WAITING_MAX {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // A reader that went away needs no more events; the servers go on.
        let _ = lines.send(line);
    }
}

fn write_lines(inbox: &Receiver<String>, queue: &LineQueue) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    while let Ok(first) = inbox.recv() {
        // Flushed once no line is waiting, so that a reader sees events as they happen.
        for line in std::iter::once(first).chain(inbox.try_iter()) {
            writeln!(out, "{line}")?;
            queue.waiting.fetch_sub(line.len(), Ordering::Relaxed);
            queue.written.fetch_add(1, Ordering::Relaxed);
        }
        out.flush()?;
    }
    Ok(())
}

/// An event as programs read it.
fn event_line<'a>(names: &'a [String], event: &LiveEvent<'a>) -> EventLine<'a> {
    let connection = ConnectionFields {
        at: event.at.as_secs_f64(),
        provider: names.get(event.site.index()).map_or("", String::as_str),
        client: event.ip,
        connection: event.connection,
    };
    match event.kind {
        LiveEventKind::Opened => EventLine::Opened(Opened { connection }),
        LiveEventKind::Closed => EventLine::Closed(Closed { connection }),
        LiveEventKind::Refused { stage, rule, class, reply, message } => EventLine::Refused(Refused {
            connection,
            message: message.map(message_fields),
            stage: stage.name(),
            decision: DecisionFields { verdict: refusing(class), rule, reply },
        }),
        LiveEventKind::Accepted { message, size, reply } => EventLine::Accepted(Accepted {
            connection,
            message: message_fields(message),
            decision: DecisionFields { verdict: EventVerdict::Accepted, rule: None, reply: Some(reply) },
            size,
        }),
        LiveEventKind::Lost { message, own_failure } => EventLine::Lost(Lost {
            connection,
            message: message_fields(message),
            decision: DecisionFields { verdict: EventVerdict::Undecided, rule: None, reply: None },
            own_failure,
        }),
    }
}

const fn refusing(class: Option<Class>) -> EventVerdict {
    match class {
        Some(Class::Permanent) => EventVerdict::Rejected,
        Some(_) => EventVerdict::Deferred,
        None => EventVerdict::Dropped,
    }
}

fn message_fields(message: LiveMessage<'_>) -> MessageFields<'_> {
    let LiveMessage { number, sender, recipients, recipients_count } = message;
    let cut = recipients_count > recipients.len();
    MessageFields { message: number, from: sender, recipients, recipients_count: cut.then_some(recipients_count) }
}
