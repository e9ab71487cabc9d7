//! The world on the wire: real SMTP over TCP on loopback addresses, in the time of the wall or faster.
//!
//! The same two machines as in `sim`, driven by sockets instead of an event queue.

pub mod admin;
mod alarm;
mod bell;
mod clock;
pub mod dns;
mod doorstep;
mod driver;
mod farm;
mod guests;
mod keep;
mod ledger;
pub mod mailin;
mod service;
mod session;
mod state;
mod talk;
mod target;
pub mod tls;
mod trial;
mod visit;
mod wire;
mod wish;

pub use clock::{Clock, Speed};
pub use driver::{DriveError, Driven, Speech, Task, drive};
pub use farm::{Farm, ORDERS_MAX, Order, Plan, Standing};
pub use keep::Keep;
pub use ledger::{Cause, ClientBooks, Hear, Note, What};
pub use service::{CONNECTIONS_MAX, CannotListen, Host, Service, Terms, Wanted};
pub use session::Manners;
pub use state::{
    ClientRefusals, ClientState, Hold, ProviderState, Refusals, RuleState, Standing as ClientStanding, State, TierLimit,
};
pub use target::{Allowed, Forbidden};
pub use trial::{Receivers, TrialError, source, trial};
pub use wish::{Answered, Flaws, Forced, Wish, word_for};
