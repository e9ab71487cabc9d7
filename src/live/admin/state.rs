//! The state that requests work on.

use std::sync::Arc;

use axum::extract::FromRef;

use super::token::AdminToken;
use crate::live::cluster::MxCluster;
use crate::live::dns::DnsFaults;

/// What administrators can look at and change.
#[derive(Clone, Debug)]
pub struct AdminState {
    /// The cluster, which is served while it is changed.
    pub cluster: Arc<MxCluster>,
    /// The faults of the DNS server for the cluster's names; `None` if there is no such server.
    pub dns: Option<DnsFaults>,
    /// What every request must show; `None` serves all programs that reach the listener.
    pub token: Option<AdminToken>,
}

impl FromRef<AdminState> for Arc<MxCluster> {
    fn from_ref(admin: &AdminState) -> Self {
        Self::clone(&admin.cluster)
    }
}
