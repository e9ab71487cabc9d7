//! A timer with a resolution of some tens of microseconds. Tokio's counts milliseconds, and at sixty times the speed of
//! wall-clock time one of them is sixty. A thread of its own waits here as exactly as the system can.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::sync::oneshot;

/// The timer of the process; its thread starts with the first wait.
static TIMER: LazyLock<&'static PreciseTimer> = LazyLock::new(PreciseTimer::start);

struct PreciseTimer {
    waiting: Mutex<BinaryHeap<Reverse<Waiter>>>,
    earlier: Condvar,
}

struct Waiter {
    at: Instant,
    wake: oneshot::Sender<()>,
}

/// Waits for a wall-clock moment.
pub(super) async fn sleep_until(at: Instant) {
    let (wake, woken) = oneshot::channel();
    TIMER.add(Waiter { at, wake });
    // The timer never ends.
    let _ = woken.await;
}

impl PreciseTimer {
    #[expect(clippy::disallowed_methods, reason = "the timer of the live world waits on a thread of its own")]
    fn start() -> &'static Self {
        let timer: &'static Self =
            Box::leak(Box::new(Self { waiting: Mutex::new(BinaryHeap::new()), earlier: Condvar::new() }));
        thread::spawn(|| timer.run());
        timer
    }

    fn add(&self, waiter: Waiter) {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let first = all.peek().is_none_or(|Reverse(first)| waiter.at < first.at);
        all.push(Reverse(waiter));
        if first {
            self.earlier.notify_one();
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the timer of the live world reads its clock")]
    fn run(&self) {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            while all.peek().is_some_and(|Reverse(first)| first.at <= now || first.wake.is_closed()) {
                if let Some(Reverse(due)) = all.pop() {
                    // A waiter that has been dropped needs no wake-up.
                    let _ = due.wake.send(());
                }
            }
            all = match all.peek().map(|Reverse(first)| first.at - now) {
                Some(time) => self.earlier.wait_timeout(all, time).unwrap_or_else(PoisonError::into_inner).0,
                None => self.earlier.wait(all).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl PartialEq for Waiter {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Waiter {}

impl PartialOrd for Waiter {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiter {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Every waiter is woken, and none too early; how late depends on the machine.
    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a test of a clock")]
    async fn every_waiter_is_woken_and_none_too_early() {
        let now = Instant::now();
        let waits = [7, 1, 3, 0, 3].map(|millis| {
            let at = now + Duration::from_millis(millis);
            tokio::spawn(async move {
                sleep_until(at).await;
                Instant::now() >= at
            })
        });
        for wait in waits {
            assert!(wait.await.unwrap());
        }
    }
}
