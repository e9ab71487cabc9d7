//! File descriptors: a connection takes one, and shells give fewer than a load test needs.

/// Asks for as many as the system allows without asking anybody. Where it allows no more, what there is must do:
/// servers then leave connections in the kernel's backlog.
pub(super) fn as_many_as_allowed() {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
            && soft < hard
        {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
        }
    }
}
