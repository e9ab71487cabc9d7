//! What is to be sent: mail streams, and the table of recipients that they turn into under a seed.
//!
//! Knows nothing of providers' rules or senders' strategies. Every strategy under one seed gets the same [`Mail`].

mod arrivals;
mod generate;
mod model;
mod trace;

pub use generate::{GenerateError, address, addresses, generate};
pub use model::{
    Arrivals, Authentication, ListQuality, ListedMailbox, Mail, MailStream, PoissonStage, Priority, RecipientRow, Size,
    TraceRow, Workload,
};
pub use trace::read_trace;
