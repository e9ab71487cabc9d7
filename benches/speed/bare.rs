//! The floor: a discrete-event loop with nothing else to do, and a model of mail that fits it.
//!
//! Senders of twenty slots each. A message takes a slot for an exponential service of five seconds; then a token
//! bucket of a thousand an hour that holds one token decides. Refused, it comes back after min(15 min × 2^(n−1), 4 h)
//! × U(0.9, 1.1), and is given up after eight attempts. One binary heap of sixteen-byte events; a message is eight
//! bytes, and what waits does not stand in the heap. Nothing is recorded but the sums. `simpy_model.py` beside this
//! file is the same model.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use mxlab::rng::{Seed, Stream};
use rand::RngExt;
use rand_distr::{Distribution, Exp1};

use crate::Done;

/// What is to be sent.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// How many senders share the messages evenly.
    pub(crate) senders: u32,
    /// How many messages in all.
    pub(crate) messages: u32,
    /// All within an hour; or one from each sender every four minutes.
    pub(crate) burst: bool,
}

const SLOTS: u32 = 20;
const SERVICE_US: f64 = 5e6;
const TOKENS_PER_US: f64 = 1_000.0 / 3.6e9;
const ATTEMPTS_MAX: u32 = 8;

/// What an event of a sender is about: one of its slots, or one of these.
const ARRIVAL: u32 = SLOTS;
const RETRY: u32 = SLOTS + 1;
const KINDS: u32 = SLOTS + 2;

/// Moment in microseconds, then sender × kinds + kind: sixteen bytes.
type Event = Reverse<(u64, u32)>;

/// A message: when it comes back, in milliseconds; and how often it was tried. Eight bytes.
type Message = (u32, u32);

struct Sender {
    to_come: u32,
    gap: u64,
    free: Vec<u32>,
    slots: [Message; SLOTS as usize],
    ready: VecDeque<Message>,
    delayed: BinaryHeap<Reverse<Message>>,
    /// When the retry timer is due.
    timer_at: u32,
    tokens: f64,
    filled: u64,
}

struct Loop {
    now: u64,
    heap: BinaryHeap<Event>,
    chance: Stream,
    sums: Done,
}

/// Goes through all of it.
pub(crate) fn run(load: Load) -> Done {
    let each = load.messages / load.senders;
    let gap = if load.burst { 3_600_000_000 / u64::from(each) } else { 240_000_000 };
    let mut senders: Vec<Sender> = (0..load.senders).map(|_| Sender::new(each, gap)).collect();
    let mut events = Loop { now: 0, heap: BinaryHeap::new(), chance: Seed(1).stream("bare", 0), sums: Done::default() };
    for sender in 0..load.senders {
        // Not all at the same moment.
        events.heap.push(Reverse((gap * u64::from(sender) / u64::from(load.senders), sender * KINDS + ARRIVAL)));
    }
    while let Some(Reverse((at, what))) = events.heap.pop() {
        events.now = at;
        let id = what / KINDS;
        let sender = &mut senders[id as usize];
        match what % KINDS {
            ARRIVAL => events.arrive(id, sender),
            RETRY => events.retry(id, sender),
            slot => events.finish(id, sender, slot),
        }
    }
    events.sums
}

impl Sender {
    fn new(to_come: u32, gap: u64) -> Self {
        Self {
            to_come,
            gap,
            free: (0..SLOTS).collect(),
            slots: [(0, 0); SLOTS as usize],
            ready: VecDeque::new(),
            delayed: BinaryHeap::new(),
            timer_at: u32::MAX,
            tokens: 1.0,
            filled: 0,
        }
    }

    fn takes(&mut self, now: u64) -> bool {
        self.tokens = (self.tokens + (now - self.filled) as f64 * TOKENS_PER_US).min(1.0);
        self.filled = now;
        let takes = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(takes));
        takes
    }
}

impl Loop {
    fn arrive(&mut self, id: u32, sender: &mut Sender) {
        sender.to_come -= 1;
        if sender.to_come > 0 {
            self.heap.push(Reverse((self.now + sender.gap, id * KINDS + ARRIVAL)));
        }
        sender.ready.push_back((0, 0));
        self.serve(id, sender);
    }

    #[expect(clippy::cast_possible_truncation, reason = "49 days of milliseconds")]
    fn retry(&mut self, id: u32, sender: &mut Sender) {
        let now = (self.now / 1_000) as u32;
        if now != sender.timer_at {
            // An earlier one was set after it.
            return;
        }
        sender.timer_at = u32::MAX;
        while let Some(Reverse(message)) = sender.delayed.peek().copied().filter(|Reverse((due, _))| *due <= now) {
            sender.delayed.pop();
            sender.ready.push_back(message);
        }
        self.set_timer(id, sender);
        self.serve(id, sender);
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "49 days of milliseconds")]
    fn finish(&mut self, id: u32, sender: &mut Sender, slot: u32) {
        sender.free.push(slot);
        self.sums.attempts += 1;
        let tried = sender.slots[slot as usize].1 + 1;
        if !sender.takes(self.now) {
            self.sums.deferred += 1;
            if tried < ATTEMPTS_MAX {
                let minutes = f64::from((15 << (tried - 1)).min(240));
                let wait = minutes * 60_000.0 * self.chance.random_range(0.9..1.1);
                sender.delayed.push(Reverse(((self.now / 1_000) as u32 + wait as u32, tried)));
                self.set_timer(id, sender);
            }
        }
        self.serve(id, sender);
    }

    /// One timer a sender, for the first message that comes back.
    fn set_timer(&mut self, id: u32, sender: &mut Sender) {
        if let Some(Reverse((due, _))) =
            sender.delayed.peek().copied().filter(|Reverse((due, _))| *due < sender.timer_at)
        {
            sender.timer_at = due;
            self.heap.push(Reverse((u64::from(due) * 1_000, id * KINDS + RETRY)));
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a service is some seconds")]
    fn serve(&mut self, id: u32, sender: &mut Sender) {
        while let Some(message) = sender.ready.front().copied().filter(|_| !sender.free.is_empty()) {
            sender.ready.pop_front();
            let Some(slot) = sender.free.pop() else { return };
            sender.slots[slot as usize] = message;
            let service: f64 = Exp1.sample(&mut self.chance);
            self.heap.push(Reverse((self.now + (service * SERVICE_US) as u64, id * KINDS + slot)));
        }
    }
}
