//! Many tasks side by side, their results in order: what comes out does not depend on how many threads did it.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, available_parallelism, scope};

/// How many tasks the machine can work on at a time; 1 if it does not say.
pub fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// What `work` makes of each task, in the order of the tasks. At most `threads` are worked on at a time, the calling
/// thread among them; fewer where the machine gives us no more threads. A thread that is free takes the next task.
pub fn map<T: Sync, R: Send>(tasks: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(place) else { return done };
            done.push((place, work(task)));
        }
    };
    let mut done = scope(|scope| {
        let others: Vec<_> =
            (1..threads.min(tasks.len())).map_while(|_| Builder::new().spawn_scoped(scope, worker).ok()).collect();
        let mut done = worker();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
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
