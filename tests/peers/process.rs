//! Processes that end with the test that started them, and waiting that has an end.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// A process of ours, with whatever it started; killed when dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    name: String,
}

impl Running {
    /// Starts it, in a process group of its own.
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.process_group(0).spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { child, name }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self, signal: Signal) -> ExitStatus {
        let _ = kill(self.pid(), signal);
        self.wait(Duration::from_secs(30))
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(&mut self, patience: Duration) -> ExitStatus {
        let mut ended = None;
        let name = self.name.clone();
        until(&format!("{name} ends"), patience, || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }

    /// Waits until it is at work; whether it is, and has not ended instead.
    pub(crate) fn comes_up(&mut self, patience: Duration, mut is_up: impl FnMut() -> bool) -> bool {
        let mut ended = false;
        let name = self.name.clone();
        until(&format!("{name} starts"), patience, || {
            ended = self.has_ended();
            ended || is_up()
        });
        !ended
    }

    /// Whether it is over.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Once it has been waited for, its number may be another process's.
        if let Ok(None) = self.child.try_wait() {
            let _ = killpg(self.pid(), Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

/// Runs a program to its end, but no longer than this.
pub(crate) fn run(command: &mut Command, patience: Duration) -> Output {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::start(command);
    let out = reader(running.child.stdout.take().unwrap());
    let err = reader(running.child.stderr.take().unwrap());
    let status = running.wait(patience);
    Output { status, stdout: out.join().unwrap(), stderr: err.join().unwrap() }
}

fn reader(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        let _ = from.read_to_end(&mut all);
        all
    })
}

/// Runs a program that has to succeed; what it wrote.
pub(crate) fn succeed(command: &mut Command, patience: Duration) -> String {
    let output = run(command, patience);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{}\n{}", output.status, tail(&out), tail(&err));
    out.into_owned()
}

/// Waits until something is so, and panics if it takes too long.
pub(crate) fn until(what: &str, patience: Duration, is_so: impl FnMut() -> bool) {
    assert!(comes(patience, is_so), "waited {patience:?} in vain: {what}");
}

/// Waits for something, but no longer than this; whether it came.
pub(crate) fn comes(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + patience;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The last lines of a log, for a message about a failure.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
