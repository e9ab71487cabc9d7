//! The network, and lengths of time that vary.

use crate::dist::{Dist, DistSpec, VaryingSpec};
use crate::scenario::model::{Host, Network};
use crate::scenario::spec::NetworkSpec;
use crate::spanned::{Checker, Spanned, TextOr};
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
        rtt: spec.rtt.as_ref().map_or(Dist::Constant(Span::from_millis(40)), |rtt| dist(rtt, check)),
        bytes_per_second,
        reset: spec.reset,
        bad_hosts: spec.bad_hosts,
        bad_how: spec.bad_how,
        host: Host { arrival: spec.host.arrival, delivery: spec.host.delivery },
    }
}

/// A length of time that may vary.
pub(super) fn dist(written: &Spanned<TextOr<Span, VaryingSpec>>, check: &mut Checker<'_>) -> Dist {
    let spec = match &written.value {
        TextOr::Text(span) => DistSpec::Constant(*span),
        TextOr::Table(varying) => DistSpec::Varying(varying.clone()),
    };
    Dist::try_from(&spec).unwrap_or_else(|error| {
        check.wrong(&written.span, error.to_string());
        Dist::Constant(Span::ZERO)
    })
}
