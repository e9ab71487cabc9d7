//! The wire's vocabulary as types: the stages of a session and the replies a server gives. No I/O, no policy.

mod reply;
mod stage;

pub use reply::{Class, Code, Enhanced, InvalidCode, InvalidEnhanced, Reply};
pub use stage::Stage;
