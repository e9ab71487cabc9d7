//! Exim as Debian builds it, unpacked and not installed (beside Postfix it cannot be): run as a daemon in a root folder
//! of its own that goes away, with users of its own.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::process::{Running, succeed};
use super::program;
use super::servers::at_a_free_port;

/// Exim's own example where it says anything about these, and its defaults for all else. What is accepted is thrown
/// away.
const BEFORE: &str = "\
primary_hostname = mx.exim.example
domainlist local_domains = exim.example
acl_smtp_mail = acl_check_mail
acl_smtp_rcpt = acl_check_rcpt
acl_smtp_data = acl_check_data
queue_only = true
daemon_startup_retries = 0
";
const AFTER: &str = "\
  accept
acl_check_rcpt:
  require message = relay not permitted
          domains = +local_domains
  require verify = recipient
  accept
acl_check_data:
  discard
begin routers
localuser:
  driver = redirect
  local_parts = ! ^unknown
  data = :blackhole:
  cannot_route_message = Unknown user
";

/// The number of Exim's user in its own root.
const USER: u32 = 900;

/// A daemon at work; it ends when dropped.
pub(crate) struct Exim {
    // Ends before its files do.
    _daemon: Running,
    _root: TempDir,
    pub(crate) at: SocketAddr,
}

impl Exim {
    /// Starts a daemon with these settings, and with these statements in the access list of MAIL; `None` where there is
    /// none to start.
    pub(crate) fn start(settings: &str, at_mail: &str) -> Option<Self> {
        let program = program::installed().join("exim/usr/sbin/exim4");
        if !program.is_file() || !nix::unistd::geteuid().is_root() {
            program::skip("there is no unpacked Exim, or this is not root", ".ci/run peers, as root");
            return None;
        }
        let configuration = format!("{BEFORE}{settings}\nbegin acl\nacl_check_mail:\n{at_mail}{AFTER}");
        Some(at_a_free_port(|at| Self::start_at(at, &program, &configuration)))
    }

    /// `None` where the port is taken.
    fn start_at(at: SocketAddr, program: &Path, configuration: &str) -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        furnish(root.path(), program);
        fs::write(root.path().join("etc/exim4/exim4.conf"), configuration).unwrap();
        let mut command = Command::new("chroot");
        command.arg(root.path()).args(["/usr/sbin/exim4", "-bdf", "-oX", &format!("{}.{}", at.ip(), at.port())]);
        let mut daemon = Running::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
        let log = root.path().join("var/log/exim4/mainlog");
        let listens = || fs::read_to_string(&log).is_ok_and(|log| log.contains("listening for SMTP"));
        let is_up = daemon.comes_up(Duration::from_secs(30), listens);
        is_up.then_some(Self { _daemon: daemon, _root: root, at })
    }
}

/// Puts into a root folder what Exim needs there: itself, its libraries, its user, its folders.
fn furnish(root: &Path, program: &Path) {
    fs::set_permissions(root, Permissions::from_mode(0o755)).unwrap();
    let folders = ["etc/exim4", "usr/sbin", "dev", "tmp", "var/spool/exim4", "var/log/exim4", "run/exim4"];
    for folder in folders {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for folder in &folders[4..] {
        chown(root.join(folder), Some(USER), Some(USER)).unwrap();
    }
    fs::copy(program, root.join("usr/sbin/exim4")).unwrap();
    for library in libraries(program) {
        let place = root.join(library.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(library, place).unwrap();
    }
    let mut users = "root:x:0:0::/:/bin/false\n".to_owned();
    _ = writeln!(users, "Debian-exim:x:{USER}:{USER}::/var/spool/exim4:/bin/false");
    let files = [
        ("etc/passwd", users),
        ("etc/group", format!("root:x:0:\nDebian-exim:x:{USER}:\n")),
        ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n".to_owned()),
        ("etc/hosts", "127.0.0.1 localhost mx.exim.example\n".to_owned()),
        ("etc/services", "smtp 25/tcp\n".to_owned()),
        ("dev/null", String::new()),
    ];
    for (file, text) in files {
        fs::write(root.join(file), text).unwrap();
    }
}

/// The libraries of a program, wherever the machine has them.
fn libraries(program: &Path) -> Vec<String> {
    let told = succeed(Command::new("ldd").arg(program), Duration::from_secs(30));
    let words = told.lines().flat_map(str::split_whitespace);
    words.filter(|word| word.starts_with('/')).map(str::to_owned).collect()
}
