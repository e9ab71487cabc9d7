//! The world on the wire: real SMTP over TCP on loopback addresses, in the time of the wall or faster.
//!
//! The same two machines as in `sim`, driven by sockets instead of an event queue.

mod clock;
pub mod dns;
mod farm;
mod guests;
mod ledger;
pub mod mailin;
pub mod tls;
mod visit;
mod wish;

pub use clock::{Clock, Speed};
pub use farm::{Farm, ORDERS_MAX, Order, Plan, Standing};
pub use ledger::{ClientBooks, Hear, Note, What};
pub use wish::{Answered, Flaws, Forced, Wish, word_for};
