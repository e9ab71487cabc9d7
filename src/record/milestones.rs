//! The shares of the recipients of whose delivery the moment is kept: 50, 90, 99 and 100 %.

/// How many of `all` recipients each share is.
pub fn milestones(all: u64) -> [u64; 4] {
    [50, 90, 99, 100].map(|percent| (all * percent).div_ceil(100))
}

/// Notes the moment at which a share is reached. How many must be delivered for the next.
pub(super) fn reach<T: Copy>(reached: &mut [Option<T>; 4], delivered: u64, deliverable: u64, now: T) -> u64 {
    for (mark, wanted) in reached.iter_mut().zip(milestones(deliverable)) {
        if delivered < wanted {
            return wanted;
        }
        mark.get_or_insert(now);
    }
    u64::MAX
}
