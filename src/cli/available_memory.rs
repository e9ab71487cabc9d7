//! How much memory this process can still have: of what the machine has, of what its limits leave it (`ulimit -v`), and
//! of what a container gives it.

use std::fs;
use std::path::{Path, PathBuf};

/// The smallest of what the machine and the limits on this process leave, in bytes; `None` where the system says
/// nothing.
pub(super) fn available() -> Option<u64> {
    let machine = field(&read("/proc/meminfo"), "MemAvailable:");
    let limits = limited();
    let groups = Controller::ALL.map(|controller| controller.available(Path::new("/"), &read("/proc/self/cgroup")));
    machine.into_iter().chain(limits).chain(groups.into_iter().flatten()).min()
}

/// A file of the system; nothing where there is none.
fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// What `Name: 12 kB` says in one of the system's files, in bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

/// What `ulimit -v` and `ulimit -d` leave this process of addresses and of data.
fn limited() -> impl Iterator<Item = u64> {
    #[cfg(unix)]
    {
        use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
        let status = read("/proc/self/status");
        let limits = [(Resource::RLIMIT_AS, "VmSize:"), (Resource::RLIMIT_DATA, "VmData:")];
        limits.into_iter().filter_map(move |(limit, used)| {
            let (soft, _) = getrlimit(limit).ok().filter(|(soft, _)| *soft != RLIM_INFINITY)?;
            Some(soft.saturating_sub(field(&status, used).unwrap_or(0)))
        })
    }
    #[cfg(not(unix))]
    std::iter::empty()
}

/// A version of control groups, and where it says what (Linux: admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst).
struct Controller {
    root: &'static str,
    /// How the line of `/proc/self/cgroup` begins, behind its number, that names this process's group.
    line: &'static str,
    max: &'static str,
    current: &'static str,
    /// Of what is used, the part that is given up for others: files that were read once.
    cache: &'static str,
}

impl Controller {
    const ALL: [Self; 2] = [
        Self {
            root: "sys/fs/cgroup",
            line: ":",
            max: "memory.max",
            current: "memory.current",
            cache: "inactive_file ",
        },
        Self {
            root: "sys/fs/cgroup/memory",
            line: "memory:",
            max: "memory.limit_in_bytes",
            current: "memory.usage_in_bytes",
            cache: "total_inactive_file ",
        },
    ];

    /// What the group of this process and those around it leave it; `system` is the root of all files.
    fn available(&self, system: &Path, own_groups: &str) -> Option<u64> {
        let of_line =
            |line: &str| line.split_once(':').and_then(|(_, rest)| rest.strip_prefix(self.line)).map(PathBuf::from);
        let group = own_groups.lines().find_map(of_line)?;
        let root = system.join(self.root);
        // In a container the path may be one of the machine around it: then only the root is there.
        group.ancestors().filter_map(|group| self.left(&root.join(group.strip_prefix("/").unwrap_or(group)))).min()
    }

    /// What one group leaves. Where it has no limit, its file says `max`, or something near 2^63.
    fn left(&self, group: &Path) -> Option<u64> {
        let number = |name: &str| read(group.join(name)).trim().parse::<u64>().ok();
        let cache =
            read(group.join("memory.stat")).lines().find_map(|line| line.strip_prefix(self.cache)?.parse().ok());
        let used = number(self.current).unwrap_or(0).saturating_sub(cache.unwrap_or(0));
        Some(number(self.max)?.saturating_sub(used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_what_is_available() {
        let meminfo = "MemTotal: 9 kB\nMemAvailable:    2000 kB\n";
        assert_eq!(field(meminfo, "MemAvailable:"), Some(2_048_000));
        assert_eq!(field("MemTotal: 9 kB\n", "MemAvailable:"), None);
    }

    #[test]
    fn the_tightest_group_around_the_process_counts() {
        let system = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = system.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let [second, first] = Controller::ALL;
        write("sys/fs/cgroup/memory.max", "max\n");
        write("sys/fs/cgroup/user/memory.max", "1000\n");
        write("sys/fs/cgroup/user/memory.current", "600\n");
        write("sys/fs/cgroup/user/memory.stat", "anon 1\ninactive_file 100\n");
        write("sys/fs/cgroup/user/shell/memory.max", "5000\n");
        assert_eq!(second.available(system.path(), "0::/user/shell\n"), Some(500));
        assert_eq!(second.available(system.path(), "0::/\n"), None);
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        write("sys/fs/cgroup/memory/jail/memory.limit_in_bytes", "4000\n");
        assert_eq!(first.available(system.path(), "12:cpu:/x\n5:memory:/jail\n0::/\n"), Some(4_000));
        assert_eq!(first.available(system.path(), "0::/user\n"), None);
    }
}
