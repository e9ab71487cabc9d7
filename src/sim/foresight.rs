//! What the oracle may look at before it acts: the providers' own forecasts.

use super::connection::Wire;
use super::world::{Setting, Site};
use crate::provider::{Envelope, Forecast};
use crate::sender::{Delivery, Foreseen, Foresight};
use crate::time::Time;
use crate::units::{ClientId, ConnId, ProviderId, SourceId};
use crate::workload::Row;

/// What the oracle may look at.
pub(super) struct View<'a> {
    pub(super) sites: &'a [Site],
    pub(super) wires: &'a [Wire],
    pub(super) world: &'a Setting<'a>,
}

impl Foresight for View<'_> {
    fn may_connect(&self, now: Time, source: SourceId, site: ProviderId, delivery: &Delivery) -> Time {
        let envelope = envelope(self.world, delivery);
        self.sites[site.index()].provider.may_connect(now, ClientId(u32::from(source.0)), &envelope)
    }

    fn may_send(&self, now: Time, conn: ConnId, delivery: &Delivery) -> Foreseen {
        let wire = &self.wires[conn.index()];
        let Some(session) = wire.session else { return Foreseen::NewConnection };
        let envelope = envelope(self.world, delivery);
        let provider = &self.sites[wire.site.index()].provider;
        match provider.may_send(now, session, &envelope, u32::from(delivery.count)) {
            Forecast::Now { recipients } => Foreseen::Now(recipients),
            Forecast::Wait(at) => Foreseen::Wait(at),
            Forecast::NewSession => Foreseen::NewConnection,
        }
    }
}

/// The envelope of a delivery, with what checking the message will show.
pub(super) fn envelope(setting: &Setting<'_>, delivery: &Delivery) -> Envelope {
    let row = setting.mail.rows[delivery.first.index()];
    let stream = &setting.scenario.workload.streams[row.stream.index()];
    Envelope {
        sender_domain: stream.sender_domain,
        size: row.size,
        spf: stream.authentication.spf,
        dkim: stream.authentication.dkim,
        dmarc: stream.authentication.dmarc,
        spam: row.is(Row::SPAM),
    }
}
