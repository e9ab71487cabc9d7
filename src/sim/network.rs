//! What lies between sender and provider: round trips, transfer, bad hosts, resets.
//!
//! Every draw is addressed (by source, site and number of the connection, or by recipient and attempt), so that two
//! strategies under one seed meet the same network. A connection's clock is shifted: the server sees a command the
//! moment it is sent, and the whole round trip passes before the reply. For one connection that is the same thing as
//! half a trip each way, and it saves an event.

use crate::dist::Dist;
use crate::provider::ServiceTimes;
use crate::rng::{Seed, Stream};
use crate::scenario::Network;
use crate::sender::Delivery;
use crate::time::{Span, Time};
use crate::trial::TrialInput;
use crate::units::{HostId, ProviderId};

/// Round trips from the decision to connect to the greeting: TCP's handshake, and the banner after it.
pub(super) const TRIPS_TO_GREETING: u64 = 2;
/// EHLO and its reply.
pub(super) const TRIPS_TO_EHLO: u64 = 1;

/// The network of a trial.
#[derive(Debug)]
pub(super) struct NetworkPath {
    network: Network,
    /// One stream for each source and site.
    connections: Vec<Stream>,
    hosts: Seed,
    /// To which of a provider's MX hosts a connection leads.
    addresses: Seed,
    opened: Vec<u64>,
    service: Seed,
    resets: Seed,
    /// When the sending host has done what it was asked so far.
    host_free: Time,
}

/// How long a transaction takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct TransactionTime {
    /// Until all recipients are named and answered.
    pub(super) asked: Span,
    /// From there until the server has the message and judges it.
    pub(super) sent: Span,
}

/// What a new connection meets.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionDraw {
    pub(super) rtt: Span,
    pub(super) bad_host: bool,
}

/// How long a server takes over a transaction.
#[derive(Clone, Copy, Debug)]
struct ServiceTime {
    recipients: Span,
    message: Span,
}

impl NetworkPath {
    pub(super) fn new(network: Network, seed: Seed, pairs: usize) -> Self {
        Self {
            network,
            connections: (0..pairs as u64).map(|pair| seed.stream("round trips", pair)).collect(),
            hosts: seed.named("hosts"),
            addresses: seed.named("mx addresses"),
            opened: vec![0; pairs],
            service: seed.named("service").named("transaction"),
            resets: seed.named("resets"),
            host_free: Time::ZERO,
        }
    }

    /// A message arrives: the sending host has work to do.
    pub(super) fn host_arrival(&mut self, now: Time) {
        self.host_free = self.host_free.max(now) + self.network.host.arrival;
    }

    /// When the sending host gets to a delivery that is handed to it now; `None` is at once.
    pub(super) fn host_delivery(&mut self, now: Time) -> Option<Time> {
        self.host_free = self.host_free.max(now) + self.network.host.delivery;
        (self.host_free > now).then_some(self.host_free)
    }

    /// A new connection of this pair.
    pub(super) fn connect(&mut self, pair: usize) -> ConnectionDraw {
        self.opened[pair] += 1;
        let bad = self.network.bad_hosts.get();
        let bad_host = bad > 0.0 && self.hosts.share(pair as u64, self.opened[pair]) < bad;
        ConnectionDraw { rtt: self.network.rtt.sample(&mut self.connections[pair]), bad_host }
    }

    /// The MX host, of so many, to which the next connection of this pair leads: the DNS gives their addresses in any
    /// order.
    pub(super) fn next_host(&self, pair: usize, hosts: u8) -> HostId {
        if hosts == 1 {
            return HostId(0);
        }
        let share = self.addresses.share(pair as u64, self.opened[pair] + 1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 255 at most")]
        HostId((share * f64::from(hosts)) as u8)
    }

    /// Whether the connection is lost during this attempt.
    pub(super) fn loses(&self, delivery: &Delivery) -> bool {
        let reset = self.network.reset.get();
        reset > 0.0 && self.resets.share(u64::from(delivery.first.0), u64::from(delivery.failures)) < reset
    }

    /// How long a transaction takes that meets no tarpit.
    pub(super) fn transaction_time(
        &self,
        input: &TrialInput<'_>,
        site: ProviderId,
        service: &ServiceTimes,
        rtt: Span,
        delivery: &Delivery,
    ) -> TransactionTime {
        let named = u64::from(delivery.count);
        let taken = self.service(service, delivery, named);
        let pipelining = input.strategy.axes_at(site).session.pipelining;
        let (to_ask, to_send) = if pipelining { (1, 1) } else { (1 + named, 2) };
        let transfer = self.transfer(input.mail.rows[delivery.first.index()].size);
        TransactionTime {
            asked: rtt.times(to_ask) + taken.recipients,
            sent: rtt.times(to_send) + transfer + taken.message,
        }
    }

    fn service(&self, service: &ServiceTimes, delivery: &Delivery, named: u64) -> ServiceTime {
        if let (Some(message), Some(recipient)) = (service.per_message.constant(), service.per_recipient.constant()) {
            return ServiceTime { recipients: recipient.times(named), message };
        }
        let mut draws = self.service.of(u64::from(delivery.first.0) << 8 | u64::from(delivery.failures));
        let message = service.per_message.sample(&mut draws);
        let recipients = match service.per_recipient {
            Dist::Constant(span) => span.times(named),
            varying => (0..named).fold(Span::ZERO, |sum, _| sum + varying.sample(&mut draws)),
        };
        ServiceTime { recipients, message }
    }

    /// How long so many bytes take.
    fn transfer(&self, bytes: u32) -> Span {
        let micros = |rate: u64| u64::from(bytes) * 1_000_000 / rate.max(1);
        self.network.bytes_per_second.map_or(Span::ZERO, |rate| Span::from_micros(micros(rate)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Fraction, RecipientId};

    #[test]
    fn addressed_service_times_have_the_mean_and_the_spread_they_should() {
        let network = Network {
            rtt: Dist::Constant(Span::ZERO),
            bytes_per_second: None,
            reset: Fraction::NONE,
            bad_hosts: Fraction::NONE,
            bad_how: crate::scenario::BadHost::Refuses,
            host: crate::scenario::Host::default(),
        };
        let path = NetworkPath::new(network, Seed(1), 1);
        let second = Span::from_secs(1);
        let service =
            ServiceTimes { per_message: Dist::Exponential(second), per_recipient: Dist::Constant(Span::ZERO) };
        let n = 100_000_u32;
        let draw = |first| {
            let delivery =
                Delivery { ready_at: Time::ZERO, first: RecipientId(first), count: 1, failures: 0, priority: false };
            path.service(&service, &delivery, 1).message.as_secs_f64()
        };
        let mean = (0..n).map(draw).sum::<f64>() / f64::from(n);
        let square = (0..n).map(|first| draw(first).powi(2)).sum::<f64>() / f64::from(n);
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        assert!((square - 2.0).abs() < 0.05, "{square}");
    }
}
