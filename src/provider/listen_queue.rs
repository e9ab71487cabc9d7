//! The listen queue: so many connections are served, so many more wait for a greeting, the rest meet silence.

use super::policy::ListenerCapacity;

/// What becomes of a connection that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectOutcome {
    /// A worker takes it.
    Served,
    /// The kernel takes it; it is greeted when a worker is free.
    Queued,
    /// The backlog is full: it gets no answer.
    Ignored,
}

/// How full the server is.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListenQueue {
    served: u32,
    queued: u32,
}

impl ListenQueue {
    /// A connection arrives. The kernel holds one more than the backlog that it was asked for (Linux,
    /// `sk_acceptq_is_full`).
    pub fn arrive(&mut self, listener: Option<ListenerCapacity>) -> ConnectOutcome {
        let Some(ListenerCapacity { workers, backlog }) = listener else { return ConnectOutcome::Served };
        if self.served < workers {
            self.served += 1;
            ConnectOutcome::Served
        } else if self.queued <= backlog {
            self.queued += 1;
            ConnectOutcome::Queued
        } else {
            ConnectOutcome::Ignored
        }
    }

    /// Whether a connection that arrived now would be served at once.
    pub fn would_serve(&self, listener: Option<ListenerCapacity>) -> bool {
        listener.is_none_or(|listener| self.served < listener.workers)
    }

    /// A served connection has gone. Whether one that was queued is to be served in its place.
    pub fn leave(&mut self, listener: Option<ListenerCapacity>) -> bool {
        if listener.is_none() {
            return false;
        }
        self.served = self.served.saturating_sub(1);
        if self.queued == 0 {
            return false;
        }
        self.queued -= 1;
        self.served += 1;
        true
    }

    /// A queued connection has given up.
    pub fn give_up(&mut self) {
        self.queued = self.queued.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_fill_up_and_are_handed_on() {
        let listener = Some(ListenerCapacity { workers: 1, backlog: 1 });
        let mut places = ListenQueue::default();
        let arrivals: Vec<ConnectOutcome> = (0..4).map(|_| places.arrive(listener)).collect();
        assert_eq!(
            arrivals,
            [ConnectOutcome::Served, ConnectOutcome::Queued, ConnectOutcome::Queued, ConnectOutcome::Ignored]
        );
        assert!(!places.would_serve(listener));
        assert!(places.leave(listener), "a queued one takes the place");
        assert!(places.leave(listener));
        assert!(!places.leave(listener));
        assert_eq!(places.arrive(listener), ConnectOutcome::Served);
    }

    #[test]
    fn without_a_listener_everyone_is_served() {
        let mut places = ListenQueue::default();
        assert_eq!(places.arrive(None), ConnectOutcome::Served);
        assert!(!places.leave(None));
    }
}
