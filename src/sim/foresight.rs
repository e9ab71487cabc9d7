//! What the oracle may look at before it acts: the providers' own forecasts.

use super::connection::SimConnection;
use super::host::{MailHost, client_of};
use super::network::{NetworkPath, TRIPS_TO_EHLO, TRIPS_TO_GREETING};
use crate::provider::{Forecast, ProposedConnection, ProposedMessage};
use crate::sender::{Delivery, Foreseen, Foresight};
use crate::time::{Span, Time};
use crate::trial::TrialInput;
use crate::units::{ConnId, ProviderId, SourceId};

/// What the oracle may look at.
pub(super) struct SimForesight<'a> {
    pub(super) hosts: &'a [MailHost],
    pub(super) connections: &'a [SimConnection],
    pub(super) path: &'a NetworkPath,
    pub(super) input: &'a TrialInput<'a>,
}

impl SimForesight<'_> {
    fn proposed_message(&self, site: ProviderId, delivery: &Delivery, rtt: Span) -> ProposedMessage {
        let service = &self.hosts[site.index()].provider.policy().service;
        let transaction_time = self.path.transaction_time(self.input, site, service, rtt, delivery);
        let domain = self.input.mail.rows[delivery.first.index()].domain;
        let recipients = u32::from(delivery.count);
        ProposedMessage {
            envelope: self.input.envelope(delivery),
            domain,
            recipients,
            until_end_of_data: transaction_time.asked + transaction_time.sent,
        }
    }
}

impl Foresight for SimForesight<'_> {
    fn may_connect(&self, now: Time, source: SourceId, site: ProviderId, delivery: &Delivery) -> Time {
        let host = &self.hosts[site.index()];
        if !host.would_serve() {
            return Time::NEVER;
        }
        // The connection may be ready at the very moment at which the message may go; a trip that varies is not known.
        let rtt = self.input.scenario.network.rtt.constant().unwrap_or(Span::ZERO);
        let set_up = rtt.times(TRIPS_TO_GREETING + TRIPS_TO_EHLO);
        let message = self.proposed_message(site, delivery, rtt);
        let pair = source.index() * self.hosts.len() + site.index();
        let connection = ProposedConnection {
            client: client_of(source),
            host: self.path.next_host(pair, host.provider.policy().hosts),
            account: self.input.scenario.sources[source.index()].account,
            set_up,
        };
        host.provider.may_connect(now, connection, &message)
    }

    fn may_send(&self, now: Time, conn: ConnId, delivery: &Delivery) -> Foreseen {
        let connection = &self.connections[conn.index()];
        let Some(session) = connection.session else { return Foreseen::NewConnection };
        let message = self.proposed_message(connection.site, delivery, connection.rtt);
        match self.hosts[connection.site.index()].provider.may_send(now, session, &message) {
            Forecast::Now { recipients } => Foreseen::Now(recipients),
            Forecast::Wait(at) => Foreseen::Wait(at),
            Forecast::NewSession => Foreseen::NewConnection,
        }
    }
}
