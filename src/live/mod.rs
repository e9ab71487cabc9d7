//! The world on sockets: real SMTP over TCP on loopback addresses, in wall-clock time or faster.
//!
//! The same two machines as in `sim`, driven by sockets instead of an event queue. On one side `mx_server` (or
//! `mailin`) serves the providers of an [`MxCluster`]; on the other side the `driver` carries out a sender's actions.
//! DNS and the admin API stand beside them.

mod address_directives;
pub mod admin;
mod allowed_targets;
mod client_places;
mod client_registry;
mod clock;
mod cluster;
pub mod dns;
mod driver;
mod hosted_sessions;
mod idle_timeout;
mod listener;
mod live_event;
pub mod mailin;
mod message_buffer;
mod message_store;
mod mx_server;
mod numbered_names;
mod outcome_orders;
mod own_addresses;
mod own_failure;
mod own_faults;
mod policy_handler;
mod policy_session;
mod precise_timer;
mod receiver_statistics;
mod rendered_verdict;
mod server_options;
mod session_handler;
mod shared_state;
mod smtp_connection;
mod snapshot;
mod stream;
pub mod tls;
mod trial;

pub use allowed_targets::{AllowedTargets, ForbiddenTarget};
pub use clock::{Clock, Speed};
pub use cluster::{KnownSender, MxCluster, MxClusterConfig, ServedTrial};
pub use driver::{ClientOptions, DriveError, DriverConfig, LiveTrial, TrialHalt, drive};
pub use live_event::{EventListener, LiveEvent, LiveEventKind, LiveMessage, RECIPIENTS_TOLD_MAX};
pub use message_store::{KeptMessages, MessageStore};
pub use mx_server::{ListenError, MxHost, MxServer};
pub use own_addresses::{check_local, check_route, is_refused};
pub use own_faults::{OwnFaultPoint, OwnFaults};
pub use receiver_statistics::{ClientStatistics, RefusalCause};
pub use server_options::{CONNECTIONS_MAX, ServerOptions};
pub use snapshot::{
    ClientRefusalCount, ClientSnapshot, ClientStanding, ClusterSnapshot, HoldSnapshot, ProviderSnapshot, RefusalCount,
    RuleSnapshot, TierLimit,
};
pub use trial::{Receivers, TrialError, source_address, trial};
