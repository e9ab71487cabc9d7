//! The world on the wire: real SMTP over TCP on loopback addresses, in the time of the wall or faster.
//!
//! The same two machines as in `sim`, driven by sockets instead of an event queue.

mod address_directives;
pub mod admin;
mod allowed_targets;
mod client_registry;
mod clock;
mod cluster;
pub mod dns;
mod driver;
mod idle_timeout;
mod listener;
pub mod mailin;
mod message_store;
mod mx_server;
mod policy_handler;
mod policy_session;
mod precise_timer;
mod receiver_statistics;
mod smtp_connection;
mod snapshot;
mod stream;
pub mod tls;
mod trial;

pub use address_directives::{ForcedAction, ForcedOutcome, RecipientDirectives, SenderDirectives, mailbox_prefix};
pub use allowed_targets::{AllowedTargets, ForbiddenTarget};
pub use clock::{Clock, Speed};
pub use cluster::{MxCluster, MxClusterConfig, OUTCOME_ORDERS_MAX, OutcomeOrder};
pub use driver::{ClientOptions, DriveError, DriverConfig, LiveTrial, drive};
pub use message_store::MessageStore;
pub use mx_server::{CONNECTIONS_MAX, ListenError, MxHost, MxServer, MxServerConfig};
pub use policy_handler::ServerOptions;
pub use receiver_statistics::{ClientStatistics, EventListener, LiveEvent, LiveEventKind, RefusalCause};
pub use snapshot::{
    ClientRefusalCount, ClientSnapshot, ClientStanding, ClusterSnapshot, HoldSnapshot, ProviderSnapshot, RefusalCount,
    RuleSnapshot, TierLimit,
};
pub use trial::{Receivers, TrialError, source_address, trial};
