//! Postfix as it is installed, run as an instance of its own: configuration, queue, data and log in a folder that goes
//! away, mail in through a socket file, no port, no DNS, nothing of the system's Postfix touched.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::mail_log::{self, Delivery};
use super::process::{Running, succeed, tail, until};
use super::program;
use super::servers::at_a_free_port;

/// How one gets it.
const HOW: &str = "on Debian: apt-get install postfix (it need not run); or .ci/run peers";

/// What every instance has. A burst is a burst (`in_flow_delay`), names are not looked up, bounces go nowhere.
const MAIN_CF: &str = "\
compatibility_level = 3.6
myhostname = sender.example
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_recipient_limit = 5000
in_flow_delay = 0
transport_maps = inline:{{sender.example = discard:}}
";

/// The services an instance needs; smtpd listens on a file in the queue.
const MASTER_CF: &str = "\
inject  unix       n  -  n  -      -  smtpd
pickup  unix       n  -  n  60     1  pickup
cleanup unix       n  -  n  -      0  cleanup
qmgr    unix       n  -  n  300    1  qmgr
rewrite unix       -  -  n  -      -  trivial-rewrite
bounce  unix       -  -  n  -      0  bounce
defer   unix       -  -  n  -      0  bounce
trace   unix       -  -  n  -      0  bounce
flush   unix       n  -  n  1000?  0  flush
smtp    unix       -  -  n  -      -  smtp
showq   unix       n  -  n  -      -  showq
error   unix       -  -  n  -      -  error
retry   unix       -  -  n  -      -  error
discard unix       -  -  n  -      -  discard
anvil   unix       -  -  n  -      1  anvil
scache  unix       -  -  n  -      1  scache
postlog unix-dgram n  -  n  -      1  postlogd
";

/// What a receiver has besides. Clients on this machine are let off nothing.
const RECEIVER: &str = "\
myhostname = mx.postfix.example
mydestination = postfix.example
local_recipient_maps = regexp:{{!/^unknown/ OK}}
local_transport = discard:
mynetworks = 192.0.2.1/32
smtpd_client_event_limit_exceptions =
smtpd_recipient_limit = 1000";

/// Who hears clients first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Front {
    Smtpd,
    Postscreen,
}

/// An instance at work.
pub(crate) struct Postfix {
    master: Running,
    home: TempDir,
    smtp_source: PathBuf,
    sendmail: PathBuf,
}

impl Postfix {
    /// Starts an instance that sends everything to one host; `None` where there is no Postfix to start.
    pub(crate) fn start(to: SocketAddr, settings: &[&str]) -> Option<Self> {
        Some(Self::start_with(&Programs::want()?, "", to, settings).expect("Postfix starts"))
    }

    /// The same, and it takes mail at an address, too.
    pub(crate) fn start_at(at: SocketAddr, to: SocketAddr, settings: &[&str]) -> Option<Self> {
        Some(Self::start_with(&Programs::want()?, &smtpd_at(at), to, settings).expect("Postfix starts"))
    }

    /// Takes mail for the domain of our profile of it, as Postfix does from strangers, and throws it away; and where.
    pub(crate) fn receive(front: Front, settings: &[&str]) -> Option<(Self, SocketAddr)> {
        let programs = Programs::want()?;
        let settings = [&[RECEIVER], settings].concat();
        Some(at_a_free_port(|at| {
            let services = match front {
                Front::Smtpd => smtpd_at(at),
                Front::Postscreen => postscreen_at(at),
            };
            Some((Self::start_with(&programs, &services, at, &settings)?, at))
        }))
    }

    /// With further services; `None` where the port of one of them is taken.
    fn start_with(programs: &Programs, services: &str, to: SocketAddr, settings: &[&str]) -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("etc");
        configure(home.path(), services, to, settings);
        succeed(Command::new(&programs.postfix).arg("-c").arg(&config).arg("check"), Duration::from_mins(1));
        let mut master = Command::new(&programs.master);
        // Whatever becomes of the test, it ends by itself.
        master.arg("-c").arg(&config).args(["-d", "-e", "1200"]).env("MAIL_CONFIG", &config);
        let master = Running::start(master.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
        let (smtp_source, sendmail) = (programs.smtp_source.clone(), programs.sendmail.clone());
        let mut instance = Self { master, home, smtp_source, sendmail };
        let (socket, log) = (instance.socket(), instance.home.path().join("log"));
        let says = |what: &str| fs::read_to_string(&log).is_ok_and(|log| log.contains(what));
        instance.master.comes_up(QUICK, || socket.exists() && says("daemon started")).then_some(instance)
    }

    /// Has smtp-source send into the instance.
    pub(crate) fn inject(&self, arguments: &str) {
        let mut command = Command::new(&self.smtp_source);
        command.args(["-f", "news@sender.example"]).args(arguments.split_whitespace());
        command.arg(format!("unix:{}", self.socket().display()));
        succeed(&mut command, Duration::from_mins(2));
    }

    /// Sends single messages on one session, one whenever this much time has passed: by the clock, not after each
    /// other, which smtp-source cannot (it waits for whole seconds, and drifts).
    pub(crate) fn inject_paced(&self, messages: usize, every: Duration, domain: &str) {
        let stream = UnixStream::connect(self.socket()).unwrap();
        let (mut replies, mut commands) = (BufReader::new(&stream), &stream);
        let mut expect = |code: &str| {
            let mut line = String::new();
            replies.read_line(&mut line).unwrap();
            assert!(line.starts_with(code), "expected {code}: {line}");
        };
        let mut say = |text: String, code: &str| {
            commands.write_all(text.as_bytes()).unwrap();
            expect(code);
        };
        say(String::new(), "220 ");
        say("HELO sender.example\r\n".to_owned(), "250 ");
        let mut due = Instant::now();
        for n in 0..messages {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            due += every;
            say("MAIL FROM:<news@sender.example>\r\n".to_owned(), "250 ");
            say(format!("RCPT TO:<r{n}@{domain}>\r\n"), "250 ");
            say("DATA\r\n".to_owned(), "354 ");
            say("Subject: hello\r\n\r\nhello\r\n.\r\n".to_owned(), "250 ");
        }
        say("QUIT\r\n".to_owned(), "221 ");
    }

    /// Posts a message the way programs on the machine do.
    pub(crate) fn post(&self, to: &[String], message: &[u8]) {
        let mut command = Command::new(&self.sendmail);
        command.arg("-C").arg(self.home.path().join("etc")).args(["-i", "-f", "news@sender.example"]).args(to);
        let mut running = Running::start(command.stdin(Stdio::piped()));
        running.child.stdin.take().unwrap().write_all(message).unwrap();
        let status = running.wait(QUICK);
        assert!(status.success(), "sendmail: {status}\n{}", tail(&self.log()));
    }

    /// What became of recipients in a domain so far.
    pub(crate) fn deliveries(&self, domain: &str) -> Vec<Delivery> {
        mail_log::deliveries(&self.log(), domain)
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.home.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Lets what is being delivered come to its end, and nothing be tried again; then all of it is in the log.
    pub(crate) fn settle(&self) {
        let postsuper = program::find("postsuper").unwrap();
        let empty = |queue: &str| fs::read_dir(self.home.path().join("queue").join(queue)).unwrap().next().is_none();
        until("nothing is being delivered", QUICK, || {
            let mut hold = Command::new(&postsuper);
            hold.arg("-c").arg(self.home.path().join("etc")).args(["-h", "ALL", "deferred"]);
            succeed(&mut hold, QUICK);
            ["maildrop", "incoming", "active"].iter().all(|queue| empty(queue))
        });
        // Lines are on their way to the log through a process of its own.
        let mut before = 0;
        until("the log is still", QUICK, || {
            thread::sleep(Duration::from_millis(300));
            std::mem::replace(&mut before, self.log().len()) == before
        });
    }

    /// Ends it; the whole log.
    pub(crate) fn stop(self) -> String {
        let Self { master, home, .. } = self;
        master.stop(Signal::SIGTERM);
        let log = fs::read(home.path().join("log")).unwrap();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn socket(&self) -> PathBuf {
        self.home.path().join("queue/public/inject")
    }
}

/// What an instance is made of.
struct Programs {
    postfix: PathBuf,
    master: PathBuf,
    smtp_source: PathBuf,
    sendmail: PathBuf,
}

impl Programs {
    /// Where they are; `None` where they are not, or may not be started.
    fn want() -> Option<Self> {
        let [postfix, postconf] = [program::want("postfix", HOW)?, program::want("postconf", HOW)?];
        let [smtp_source, sendmail] = [program::want("smtp-source", HOW)?, program::want("sendmail", HOW)?];
        if !nix::unistd::geteuid().is_root() {
            program::skip("Postfix starts for root only", "run the tests as root");
            return None;
        }
        let folder = succeed(Command::new(postconf).args(["-dh", "daemon_directory"]), QUICK);
        let master = Path::new(folder.trim()).join("master");
        Some(Self { postfix, master, smtp_source, sendmail })
    }
}

/// For what takes a moment, on a machine that has other things to do.
const QUICK: Duration = Duration::from_secs(30);

/// Writes the configuration of an instance, and makes its folders.
fn configure(home: &Path, services: &str, to: SocketAddr, settings: &[&str]) {
    // Its processes give up root, and must still get in.
    fs::set_permissions(home, Permissions::from_mode(0o755)).unwrap();
    for folder in ["etc", "queue", "data"] {
        fs::create_dir(home.join(folder)).unwrap();
    }
    let owner = nix::unistd::User::from_name("postfix").unwrap().expect("Postfix has a user of its own");
    chown(home.join("data"), Some(owner.uid.as_raw()), None).unwrap();
    // What is said twice every process warns of, the one that writes the log too: to itself, and more than it can hold.
    let name = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let set: Vec<String> = settings.iter().flat_map(|settings| settings.lines()).map(name).collect();
    let kept = MAIN_CF.lines().filter(|line| !set.contains(&name(line)));
    let (place, mut main_cf) = (home.display(), kept.fold(String::new(), |all, line| all + line + "\n"));
    _ = writeln!(main_cf, "queue_directory = {place}/queue\ndata_directory = {place}/data");
    _ = writeln!(main_cf, "maillog_file = {place}/log\nmaillog_file_prefixes = {place}");
    _ = writeln!(main_cf, "relayhost = [{}]:{}", to.ip(), to.port());
    for setting in settings {
        main_cf.extend([setting, "\n"]);
    }
    fs::write(home.join("etc/main.cf"), main_cf).unwrap();
    fs::write(home.join("etc/master.cf"), MASTER_CF.to_owned() + services).unwrap();
}

/// Where others come in there may be TLS, whose keys one process looks after.
fn smtpd_at(at: SocketAddr) -> String {
    format!("{at} inet n - n - - smtpd\ntlsmgr unix - - n 1000? 1 tlsmgr\n")
}

/// postscreen hands on whom it lets in.
fn postscreen_at(at: SocketAddr) -> String {
    let inside = "smtpd pass - - n - - smtpd\ndnsblog unix - - n - 0 dnsblog\ntlsproxy unix - - n - 0 tlsproxy\n";
    format!("{at} inet n - n - 1 postscreen\n{inside}tlsmgr unix - - n 1000? 1 tlsmgr\n")
}
