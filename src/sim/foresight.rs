//! What the oracle may look at before it acts: the providers' own forecasts.

use super::connection::SimConnection;
use super::network::{NetworkPath, TRIPS_TO_EHLO, TRIPS_TO_GREETING};
use super::world::SimSite;
use crate::provider::{Envelope, Forecast, ProposedMessage};
use crate::sender::{Delivery, Foreseen, Foresight};
use crate::time::{Span, Time};
use crate::trial::TrialInput;
use crate::units::{ClientId, ConnId, ProviderId, SourceId};
use crate::workload::Row;

/// What the oracle may look at.
pub(super) struct SimForesight<'a> {
    pub(super) sites: &'a [SimSite],
    pub(super) connections: &'a [SimConnection],
    pub(super) path: &'a NetworkPath,
    pub(super) world: &'a TrialInput<'a>,
}

impl SimForesight<'_> {
    fn asked(&self, site: ProviderId, delivery: &Delivery, rtt: Span) -> ProposedMessage {
        let service = &self.sites[site.index()].provider.policy().service;
        let transaction_time = self.path.transaction_time(self.world, service, rtt, delivery);
        let domain = self.world.mail.rows[delivery.first.index()].domain;
        let recipients = u32::from(delivery.count);
        ProposedMessage {
            envelope: envelope(self.world, delivery),
            domain,
            recipients,
            until_end_of_data: transaction_time.asked + transaction_time.sent,
        }
    }
}

impl Foresight for SimForesight<'_> {
    fn may_connect(&self, now: Time, source: SourceId, site: ProviderId, delivery: &Delivery) -> Time {
        let state = &self.sites[site.index()];
        if !state.places.would_serve(state.provider.listener()) {
            return Time::NEVER;
        }
        // The connection may be ready at the very moment at which the message may go; a trip that varies is not known.
        let rtt = self.world.scenario.network.rtt.constant().unwrap_or(Span::ZERO);
        let set_up = rtt.times(TRIPS_TO_GREETING + TRIPS_TO_EHLO);
        let asked = self.asked(site, delivery, rtt);
        state.provider.may_connect(now, ClientId(u32::from(source.0)), set_up, &asked)
    }

    fn may_send(&self, now: Time, conn: ConnId, delivery: &Delivery) -> Foreseen {
        let connection = &self.connections[conn.index()];
        let Some(session) = connection.session else { return Foreseen::NewConnection };
        let asked = self.asked(connection.site, delivery, connection.rtt);
        match self.sites[connection.site.index()].provider.may_send(now, session, &asked) {
            Forecast::Now { recipients } => Foreseen::Now(recipients),
            Forecast::Wait(at) => Foreseen::Wait(at),
            Forecast::NewSession => Foreseen::NewConnection,
        }
    }
}

/// The envelope of a delivery, with what checking the message will show.
pub(super) fn envelope(input: &TrialInput<'_>, delivery: &Delivery) -> Envelope {
    let row = input.mail.rows[delivery.first.index()];
    let stream = &input.scenario.workload.streams[row.stream.index()];
    Envelope {
        sender_domain: stream.sender_domain,
        size: row.size,
        spf: stream.authentication.spf,
        dkim: stream.authentication.dkim,
        dmarc: stream.authentication.dmarc,
        spam: row.is(Row::SPAM),
    }
}
