//! A timeout for a peer that sends nothing.
//!
//! There is a deadline for every command, and hardly one of them is reached. So no timer is set and cancelled for each:
//! one timer stays where it is, and when it fires, it is set again for the deadline that counts then.

use std::pin::Pin;

use tokio::time::{Instant, Sleep, sleep_until};

/// The timer of one connection.
#[derive(Debug)]
pub(super) struct IdleTimeout(Pin<Box<Sleep>>);

impl IdleTimeout {
    /// A timer whose first deadline will be about this one.
    pub(super) fn new(deadline: Instant) -> Self {
        Self(Box::pin(sleep_until(deadline)))
    }

    /// Waits until the deadline. After it was cancelled, the next call may have another deadline, later or earlier.
    pub(super) async fn wait_until(&mut self, deadline: Instant) {
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

    use super::*;

    /// Begins to wait, and cancels it.
    async fn begin(timeout: &mut IdleTimeout, deadline: Instant) {
        tokio::select! {
            biased;
            () = timeout.wait_until(deadline) => panic!("an hour has not passed"),
            () = std::future::ready(()) => {}
        }
    }

    /// Never too early; how late depends on the machine.
    #[tokio::test]
    async fn the_last_deadline_counts() {
        let (tick, hour) = (Duration::from_millis(5), Duration::from_hours(1));
        let began = Instant::now();
        let mut timeout = IdleTimeout::new(began + tick);
        // The timer that was set before this fires in between.
        timeout.wait_until(began + tick * 3).await;
        assert!(began.elapsed() >= tick * 3);
        for deadline in [began + hour * 2, began + hour, began + hour * 3] {
            begin(&mut timeout, deadline).await;
        }
        let deadline = Instant::now() + tick;
        timeout.wait_until(deadline).await;
        assert!(Instant::now() >= deadline);
        // A deadline in the past is reached at once.
        timeout.wait_until(began).await;
    }
}
