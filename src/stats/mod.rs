//! Pure statistics: what a few seeds say, and how sure of it one can be.
//!
//! Seeds are independent of each other, so what a trial yields under each of them is a sample. Every interval here is a
//! two-sided 95 % interval, and none leans on more than it says:
//!
//! - [`Estimate`]: a mean, or a share of sums, with Student's t
//! - [`Paired`]: the difference of two strategies under the same seeds
//! - [`median_interval`]: of a median, by order statistics: of any distribution
//! - [`Median`]: that of times that may lie beyond the end of a trial
//! - [`Sign`]: how often one of two such times came first, by the binomial distribution: exact
//! - [`Spread`]: how much of the variance over seeds comes from unknown limits, and how much is chance
//! - [`UnknownShare`]: which unknown is behind how much of it
//!
//! `tests/coverage.rs` repeats runs whose answer is known, and counts how often the intervals hold it.

mod binomial;
mod estimate;
mod median;
mod order;
mod paired;
mod sign;
mod spread;
mod student;
mod unknown_share;

pub use estimate::Estimate;
pub use median::{Median, Moment};
pub use order::{lower_median, median_interval};
pub use paired::Paired;
pub use sign::{SeedShare, Sign};
pub use spread::Spread;
pub use unknown_share::{Move, UnknownShare};
