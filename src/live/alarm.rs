//! An alarm for what mostly does not happen: a peer that says nothing.
//!
//! There is a deadline for every command, and to set a timer for each and take it back would be a tenth of what
//! deciding about the command costs. So the timer is left where it is. When it rings, it looks whether anybody's
//! deadline is there yet.

use std::pin::Pin;

use tokio::time::{Instant, Sleep, sleep_until};

/// One alarm, of one connection.
#[derive(Debug)]
pub(super) struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    /// An alarm of whoever waits first until `deadline`.
    pub(super) fn new(deadline: Instant) -> Self {
        Self(Box::pin(sleep_until(deadline)))
    }

    /// Waits until the deadline. To give up waiting costs nothing.
    pub(super) async fn until(&mut self, deadline: Instant) {
        let Self(timer) = self;
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            timer.as_mut().await;
            if timer.deadline() >= deadline {
                return;
            }
            timer.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const TICK: Duration = Duration::from_millis(5);

    /// Whatever was waited for before and given up, earlier or later: the deadline that counts is the last.
    #[tokio::test]
    async fn it_rings_at_the_deadline_that_was_named_last() {
        let began = Instant::now();
        let mut alarm = Alarm::new(began + TICK);
        for later in [20, 3, 9] {
            let deadline = began + TICK * later;
            assert!(timeout(TICK / 5, alarm.until(deadline)).await.is_err(), "too early");
        }
        alarm.until(began + TICK * 9).await;
        assert!(began.elapsed() >= TICK * 9);
        // One that is over already is over at once.
        alarm.until(began).await;
        alarm.until(Instant::now() + TICK).await;
        assert!(began.elapsed() >= TICK * 10);
    }
}
