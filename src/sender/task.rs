//! What a sender has to do, as far as its strategy has no say in it.

use std::sync::Arc;

use crate::smtp::Reply;
use crate::time::Moments;
use crate::units::{ProviderId, SourceId};

/// What a sender knows of its task.
#[derive(Clone, Debug)]
pub struct SenderTask {
    /// When each recipient's message should go out.
    pub intended: Arc<Moments>,
    /// How many sources there are.
    pub sources: usize,
    /// Who serves each recipient domain.
    pub sites: Vec<ProviderId>,
    /// The sources that carry each mail stream; none is empty.
    pub streams: Vec<Vec<SourceId>>,
    /// The replies that each site is known to give.
    pub replies: Vec<Vec<Reply>>,
}
