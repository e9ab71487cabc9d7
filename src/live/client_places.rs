//! Places for connections, shared fairly: where there are no more, the client that holds most gives up its oldest.
//!
//! So nothing that one client leaves half done keeps another waiting, and what a client does too much of costs its own.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// So many places.
#[derive(Clone, Debug)]
pub(super) struct ClientPlaces(Arc<SharedPlaces>);

#[derive(Debug)]
struct SharedPlaces {
    max: usize,
    taken: Mutex<TakenPlaces>,
}

#[derive(Debug, Default)]
struct TakenPlaces {
    /// The number of the next place.
    next: u64,
    all: usize,
    /// The places of each client that has any, the oldest first.
    by_client: BTreeMap<IpAddr, VecDeque<TakenPlace>>,
}

#[derive(Debug)]
struct TakenPlace {
    number: u64,
    evicted: CancellationToken,
}

/// A client's place, until it is dropped.
#[derive(Debug)]
pub(super) struct ClientPlace {
    shared: Arc<SharedPlaces>,
    client: IpAddr,
    number: u64,
    evicted: CancellationToken,
}

impl ClientPlaces {
    /// Room for `max` connections, at least one.
    pub(super) fn new(max: usize) -> Self {
        Self(Arc::new(SharedPlaces { max, taken: Mutex::default() }))
    }

    /// Takes a place for a client. If there is none, the client that holds most loses its oldest.
    pub(super) fn take(&self, client: IpAddr) -> ClientPlace {
        let mut taken = self.0.taken();
        if taken.all >= self.0.max {
            taken.evict(client);
        }
        let number = taken.next;
        taken.next += 1;
        taken.all += 1;
        let evicted = CancellationToken::new();
        taken.by_client.entry(client).or_default().push_back(TakenPlace { number, evicted: evicted.clone() });
        drop(taken);
        ClientPlace { shared: self.0.clone(), client, number, evicted }
    }
}

impl ClientPlace {
    /// Is cancelled when the place goes to another connection.
    pub(super) const fn evicted(&self) -> &CancellationToken {
        &self.evicted
    }
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        self.shared.taken().leave(self.client, self.number);
    }
}

impl SharedPlaces {
    fn taken(&self) -> MutexGuard<'_, TakenPlaces> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TakenPlaces {
    /// Takes the oldest place of the client that holds most; of `newcomer`, if others hold no more.
    fn evict(&mut self, newcomer: IpAddr) {
        let most = self.by_client.iter().max_by_key(|(client, places)| (places.len(), **client == newcomer));
        let Some(client) = most.map(|(client, _)| *client) else { return };
        if let Some(oldest) = self.by_client.get_mut(&client).and_then(VecDeque::pop_front) {
            oldest.evicted.cancel();
            self.all -= 1;
        }
    }

    /// A place is given back, unless it was taken away.
    fn leave(&mut self, client: IpAddr, number: u64) {
        let Some(places) = self.by_client.get_mut(&client) else { return };
        if let Some(at) = places.iter().position(|place| place.number == number) {
            places.remove(at);
            self.all -= 1;
        }
        if places.is_empty() {
            self.by_client.remove(&client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    fn kept(places: &[ClientPlace]) -> Vec<bool> {
        places.iter().map(|place| !place.evicted().is_cancelled()).collect()
    }

    #[test]
    fn a_greedy_client_pays_for_others() {
        let places = ClientPlaces::new(4);
        let greedy: Vec<_> = (0..4).map(|_| places.take(client(1))).collect();
        let others = [places.take(client(2)), places.take(client(3))];
        assert_eq!(kept(&greedy), [false, false, true, true]);
        assert_eq!(kept(&others), [true, true]);
        let more = places.take(client(1));
        assert_eq!(kept(&greedy), [false, false, false, true], "its own, also where others hold as many");
        assert_eq!((kept(&others), kept(&[more])), (vec![true, true], vec![true]));
    }

    #[test]
    fn places_are_given_back() {
        let places = ClientPlaces::new(2);
        let first = places.take(client(1));
        for _ in 0..100 {
            drop(places.take(client(2)));
        }
        assert!(!first.evicted().is_cancelled());
        drop(first);
        let taken = places.0.taken();
        assert_eq!((taken.all, taken.by_client.len()), (0, 0));
    }
}
