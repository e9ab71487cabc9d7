//! Many tasks side by side, their results in order: what comes out does not depend on how many threads did it.

use std::num::NonZero;
use std::thread::available_parallelism;

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

/// How many tasks the machine can work on at a time; 1 if it does not say.
pub fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// What `work` makes of each task, in the order of the tasks. At most `threads` are worked on at a time.
pub fn map<T: Sync, R: Send>(tasks: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    match ThreadPoolBuilder::new().num_threads(threads.clamp(1, tasks.len().max(1))).build() {
        Ok(pool) => pool.install(|| tasks.par_iter().map(&work).collect()),
        // A machine that gives us no threads can still do one task after the other.
        Err(_) => tasks.iter().map(work).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_tasks() {
        let tasks: Vec<u64> = (0..1_000).collect();
        let doubled: Vec<u64> = tasks.iter().map(|n| n * 2).collect();
        for threads in [0, 1, 2, 7] {
            assert_eq!(map(&tasks, threads, |n| n * 2), doubled);
        }
        assert!(map(&[], 3, |n: &u64| *n).is_empty());
    }

    #[test]
    #[should_panic(expected = "the seventh")]
    fn a_panic_reaches_the_caller() {
        map(&[1, 2, 3, 4, 5, 6, 7, 8], 3, |n| assert_ne!(*n, 7, "the seventh"));
    }
}
