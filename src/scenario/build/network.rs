//! The network between sender and providers.

use crate::dist::Dist;
use crate::scenario::model::{Host, Network};
use crate::scenario::spec::NetworkSpec;
use crate::spanned::Checker;
use crate::time::Span;

/// The network of a scenario.
pub(super) fn build(spec: &NetworkSpec, check: &mut Checker<'_>) -> Network {
    let bytes_per_second = spec.bandwidth.as_ref().map(|bandwidth| {
        if bandwidth.0 == 0 {
            check.wrong_do(&bandwidth.span, "over 0 bytes a second nothing is sent", "leave it out for no limit");
        }
        bandwidth.0.max(1)
    });
    Network {
        rtt: spec.rtt.as_ref().map_or(Dist::Constant(Span::from_millis(40)), |rtt| Dist::build(rtt, check)),
        bytes_per_second,
        reset: spec.reset,
        bad_hosts: spec.bad_hosts,
        bad_how: spec.bad_how,
        host: Host { arrival: spec.host.arrival, delivery: spec.host.delivery },
    }
}
