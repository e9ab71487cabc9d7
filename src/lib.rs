//! mxlab
pub mod cli;
pub mod diagnostic;
pub mod dist;
pub mod provider;
pub mod record;
pub mod report;
pub mod rng;
pub mod scenario;
pub mod sender;
pub mod sim;
pub mod smtp;
pub mod stats;
pub mod study;
pub mod time;
pub mod units;
pub mod workload;
pub mod written;
