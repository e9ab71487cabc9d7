//! How long a connection waits for what this machine is short of.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Waits of growing length, up to a time from the first attempt on.
pub(super) struct OwnPatience {
    until: Instant,
    pause: Duration,
}

/// The first wait; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl OwnPatience {
    /// Patience for so much wall-clock time from now on.
    pub(super) fn new(lasts: Duration) -> Self {
        Self { until: Instant::now() + lasts, pause: FIRST_PAUSE }
    }

    /// Waits before the next attempt; false when there should be none.
    pub(super) async fn wait(&mut self) -> bool {
        if Instant::now() >= self.until {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}
