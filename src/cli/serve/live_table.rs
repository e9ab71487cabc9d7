//! The live table on a terminal.

use std::sync::Arc;

use crate::live::{Farm, Service};

/// Shows it as long as it is let; never ends.
pub(super) async fn show(_farm: &Arc<Farm>, _service: &Service, _quiet: bool) {
    std::future::pending().await
}
