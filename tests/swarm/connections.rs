//! Connections, sessions and time: time never goes back, and nothing happens on what is not open.
//!
//! On the sender's side a connection is wanted, greeted, used for one message at a time, and closed once, by QUIT or
//! with a reply. On the provider's side a session begins with a connection that is let in and is closed once, and no
//! command is judged in it before or after that. A session that outlives its connection is one too many.

use std::collections::{BTreeMap, BTreeSet};

use mxlab::time::Time;
use mxlab::units::{ConnId, ProviderId, SessionId};

use super::log::{Judged, Log, LoggedEvent, NO_CLIENT};

/// Says what is wrong, if anything is.
pub(crate) fn check(log: &Log) -> Result<(), String> {
    let mut connections = OpenConnections::default();
    for entry in &log.entries {
        let wrong = |why: String| format!("at {} s: {why}", entry.at.as_secs_f64());
        if entry.at < connections.now {
            return Err(wrong(format!("time goes back from {} s", connections.now.as_secs_f64())));
        }
        connections.now = entry.at;
        connections.apply(&entry.event).map_err(wrong)?;
    }
    Ok(())
}

#[derive(Default)]
struct OpenConnections {
    now: Time,
    conns: BTreeMap<ConnId, (ProviderId, Conn)>,
    sessions: BTreeSet<(ProviderId, SessionId)>,
}

/// What a connection that is open does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conn {
    Connecting,
    /// Carries a message.
    Busy,
    /// Greeted, or done with a message.
    Free,
}

impl OpenConnections {
    fn apply(&mut self, event: &LoggedEvent) -> Result<(), String> {
        match event {
            LoggedEvent::Connect(conn, site, _) => {
                let before = self.conns.insert(*conn, (*site, Conn::Connecting));
                must(before.is_none(), || format!("{conn:?} is opened, but it is open"))
            }
            LoggedEvent::Greeted(conn) => self.turns(*conn, &[Conn::Connecting], Conn::Free, "greeted"),
            LoggedEvent::Transact(conn, _) => self.turns(*conn, &[Conn::Free], Conn::Busy, "given a message"),
            LoggedEvent::Replied(conn, false) => self.turns(*conn, &[Conn::Busy], Conn::Free, "answered and stays"),
            LoggedEvent::Replied(conn, true) => {
                self.turns(*conn, &[Conn::Connecting, Conn::Busy, Conn::Free], Conn::Free, "answered and closed")?;
                self.close(*conn, false)
            }
            LoggedEvent::Rest(conn) => self.turns(*conn, &[Conn::Free], Conn::Free, "left idle"),
            LoggedEvent::Expired(conn) => self.turns(*conn, &[Conn::Free], Conn::Free, "idle for long enough"),
            LoggedEvent::Quit(conn) => {
                self.turns(*conn, &[Conn::Free], Conn::Free, "closed")?;
                // The provider hears of it only now.
                self.close(*conn, true)
            }
            LoggedEvent::Judged(site, judged) => self.judged(*site, judged),
            LoggedEvent::Aborted(site, session) => self.is_open(*site, *session, "gives up a message"),
            LoggedEvent::Closed(site, session, open) => {
                self.is_open(*site, *session, "is closed")?;
                self.sessions.remove(&(*site, *session));
                self.counts(*site, *open)
            }
            LoggedEvent::Injected(_) | LoggedEvent::Settled(_) | LoggedEvent::Other => Ok(()),
        }
    }

    /// A connection goes on from one of these states.
    fn turns(&mut self, conn: ConnId, from: &[Conn], to: Conn, what: &str) -> Result<(), String> {
        let Some((_, state)) = self.conns.get_mut(&conn) else {
            return Err(format!("{conn:?} is {what}, but it is not open"));
        };
        let was = std::mem::replace(state, to);
        must(from.contains(&was), || format!("{conn:?} is {what} while it is {was:?}"))
    }

    fn close(&mut self, conn: ConnId, has_session: bool) -> Result<(), String> {
        let Some((site, _)) = self.conns.remove(&conn) else { return Ok(()) };
        let conns = self.conns.values().filter(|(of, _)| *of == site).count() + usize::from(has_session);
        let sessions = self.sessions.iter().filter(|(of, _)| *of == site).count();
        must(sessions <= conns, || format!("provider {} has {sessions} sessions on {conns} connections", site.0))
    }

    fn judged(&mut self, site: ProviderId, judged: &Judged) -> Result<(), String> {
        let Some(session) = judged.session else { return self.counts(site, judged.open) };
        if judged.stage == mxlab::smtp::Stage::Connect {
            let new = self.sessions.insert((site, session));
            must(new, || format!("{session:?} begins, but it is open"))?;
        } else {
            must(judged.client != NO_CLIENT, || format!("{session:?} has no client"))?;
            self.is_open(site, session, judged.stage.name())?;
        }
        self.counts(site, judged.open)
    }

    fn is_open(&self, site: ProviderId, session: SessionId, what: &str) -> Result<(), String> {
        must(self.sessions.contains(&(site, session)), || format!("{session:?}: {what}, but it is not open"))
    }

    /// The provider's own count of its sessions.
    fn counts(&self, site: ProviderId, open: u32) -> Result<(), String> {
        let sessions = self.sessions.iter().filter(|(of, _)| *of == site).count();
        must(sessions == open as usize, || format!("{sessions} sessions are open, provider {} says {open}", site.0))
    }
}

fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
