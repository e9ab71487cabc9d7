//! Events on standard output, one line of JSON each, when it is a pipe or a file.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use serde::Serialize;
use tokio::task::JoinHandle;

use crate::cli::terminal;
use crate::live::{LiveEvent, LiveEventKind, MxCluster};

/// Lines that wait to be written. Further ones are lost, and counted: a slow reader must not slow mail down.
const WAITING_MAX: usize = 100_000;

/// Writes events to standard output.
pub(super) struct EventWriter {
    writer: Option<JoinHandle<()>>,
    lost: Arc<AtomicU64>,
    cluster: Arc<MxCluster>,
}

/// An event in JSON.
#[derive(Serialize)]
struct EventLine<'a> {
    /// Seconds since the start, by the providers' clock.
    at: f64,
    event: &'static str,
    provider: &'a str,
    client: std::net::IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipients: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

impl EventWriter {
    /// Begins to write, unless `quiet` or a person is looking at the live table.
    pub(super) fn begin(cluster: &Arc<MxCluster>, quiet: bool) -> Self {
        let lost = Arc::new(AtomicU64::new(0));
        let mut this = Self { writer: None, lost: lost.clone(), cluster: cluster.clone() };
        if quiet || io::stdout().is_terminal() {
            return this;
        }
        let (lines, inbox) = sync_channel::<String>(WAITING_MAX);
        this.writer = Some(tokio::task::spawn_blocking(move || {
            let mut out = BufWriter::new(io::stdout().lock());
            while let Ok(line) = inbox.recv() {
                // A reader that went away needs no more events; the servers go on.
                if writeln!(out, "{line}").is_err() {
                    return;
                }
                // Flushed once no line is waiting, so that a reader sees events as they happen.
                for line in inbox.try_iter() {
                    let _ = writeln!(out, "{line}");
                }
                if out.flush().is_err() {
                    return;
                }
            }
        }));
        let names: Vec<String> = cluster.policies().iter().map(|policy| policy.name.clone()).collect();
        cluster.set_event_listener(Some(Box::new(move |event| send_line(&lines, &names, event, &lost))));
        this
    }

    /// Waits until all events have been written, and says how many were lost.
    pub(super) async fn end(self) {
        self.cluster.set_event_listener(None);
        if let Some(writer) = self.writer {
            let _ = writer.await;
        }
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            terminal::note(&format!("{lost} events were lost: whoever reads them was too slow"));
        }
    }
}

fn send_line(lines: &SyncSender<String>, names: &[String], event: &LiveEvent<'_>, lost: &AtomicU64) {
    let Ok(line) = serde_json::to_string(&event_line(names, event)) else { return };
    if let Err(TrySendError::Full(_)) = lines.try_send(line) {
        lost.fetch_add(1, Ordering::Relaxed);
    }
}

fn event_line<'a>(names: &'a [String], event: &LiveEvent<'a>) -> EventLine<'a> {
    let blank = EventLine {
        at: event.at.as_secs_f64(),
        event: "opened",
        provider: names.get(event.site.index()).map_or("", String::as_str),
        client: event.ip,
        stage: None,
        rule: None,
        reply: None,
        from: None,
        to: None,
        recipients: None,
        size: None,
    };
    match event.kind {
        LiveEventKind::Opened => blank,
        LiveEventKind::Closed => EventLine { event: "closed", ..blank },
        LiveEventKind::Refused { stage, rule, reply, from, to } => {
            EventLine { event: "refused", stage: Some(stage.name()), rule, reply, from, to, ..blank }
        }
        LiveEventKind::Accepted { from, recipients, size } => {
            EventLine { event: "accepted", from: Some(from), recipients: Some(recipients), size: Some(size), ..blank }
        }
    }
}
