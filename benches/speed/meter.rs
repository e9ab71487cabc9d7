//! What a measurement costs, from the system's own books. Each runs in a process of its own, so that one leaves
//! neither memory nor a warm cache to the next.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// Seconds of CPU time of this process until now, its threads together.
pub(crate) fn cpu() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("every system has these books");
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// The most memory this process ever had, in bytes.
pub(crate) fn peak_memory() -> u64 {
    let unit = if cfg!(target_os = "macos") { 1 } else { 1_024 };
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("every system has these books");
    u64::try_from(usage.max_rss()).unwrap_or(0) * unit
}

/// Runs a program to its end: what it printed, and the time from start to exit. `None` if it failed.
#[expect(clippy::disallowed_methods, reason = "a stopwatch")]
pub(crate) fn output(command: &mut Command) -> Option<(String, Duration)> {
    let began = Instant::now();
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().ok()?;
    let took = began.elapsed();
    output.status.success().then(|| (String::from_utf8_lossy(&output.stdout).into_owned(), took))
}

/// Bytes that could be had without swapping; `None` where the system does not say.
pub(crate) fn available_memory() -> Option<u64> {
    let books = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = books.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1_024)
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}
