//! The world on sockets, as a trial sees it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::connection::{ClientOptions, ConnectionOptions};
use super::connection_event::ConnectionReport;
use super::connection_table::{Assignment, ConnectionTable};
use super::message::MessageBuilder;
use crate::live::clock::{Speed, wall_span};
use crate::live::cluster::MxCluster;
use crate::live::own_failure::OwnFailureCounter;
use crate::record::{ClosingAccount, Latencies, LatencyPhase, ProviderSample, SenderAccount};
use crate::rng::Seed;
use crate::scenario::Change;
use crate::sender::{Action, AttemptResult, Delivery, Outcome, RecipientResult, Sender};
use crate::time::Time;
use crate::trial::{Complaint, TrialInput, TrialScript, World};
use crate::units::{ConnId, ProviderId, RecipientId, SourceId};
use crate::workload::addresses;

/// The connections to the providers' hosts, and the cluster behind these where it runs in this process.
pub(super) struct SocketWorld<'a> {
    input: TrialInput<'a>,
    targets: Vec<Vec<SocketAddr>>,
    sources: Vec<IpAddr>,
    cluster: Option<Arc<MxCluster>>,
    speed: Speed,
    messages: MessageBuilder<'a>,
    pub(super) connections: ConnectionTable,
    pub(super) latencies: Latencies,
    /// For each provider, how many connections have been opened: its hosts are used in turn.
    opened: Vec<usize>,
    /// The delivery in the midst of which this machine failed, while the sender is told that no reply came.
    pub(super) spoiled: Option<Delivery>,
    /// Counts what this machine was short of, over all connections.
    pub(super) own_failures: OwnFailureCounter,
}

impl<'a> SocketWorld<'a> {
    /// A world without connections; see [`DriverConfig`](super::DriverConfig).
    pub(super) fn new(
        input: TrialInput<'a>,
        targets: Vec<Vec<SocketAddr>>,
        sources: Vec<IpAddr>,
        cluster: Option<Arc<MxCluster>>,
        speed: Speed,
        client_options: &ClientOptions,
        reports: mpsc::UnboundedSender<ConnectionReport>,
    ) -> Self {
        let stop = CancellationToken::new();
        let own_failures = OwnFailureCounter::default();
        let hosted = cluster.as_ref().map(|cluster| cluster.hosted.clone());
        let options = input.sites().map(|site| ConnectionOptions {
            client_options: client_options.clone(),
            session: input.strategy.axes_at(site).session,
            speed,
            own_failures: own_failures.clone(),
            hosted: hosted.clone(),
            stop: stop.clone(),
        });
        Self {
            connections: ConnectionTable::new(options, stop.clone(), reports),
            messages: MessageBuilder::new(input, addresses(Seed(input.seed))),
            latencies: Latencies::default(),
            opened: vec![0; targets.len()],
            spoiled: None,
            own_failures,
            input,
            targets,
            sources,
            cluster,
            speed,
        }
    }
}

impl SocketWorld<'_> {
    /// Whether mail that a provider has accepted reaches the inbox, as the cluster sees it; a server of others does not
    /// say.
    pub(super) fn reaches_inbox(&self, site: ProviderId, source: SourceId, recipient: RecipientId) -> bool {
        self.cluster.as_ref().is_none_or(|cluster| {
            let (sender, to) = (self.messages.sender_domain(recipient), self.messages.recipient(recipient));
            cluster.reaches_inbox(site, self.sources[source.index()], sender, &to)
        })
    }
}

impl World for SocketWorld<'_> {
    fn poll_sender(&mut self, script: &mut TrialScript<'_>, sender: &mut Sender) -> Option<Action> {
        let Self { input, speed, latencies, spoiled, .. } = self;
        let now = script.now();
        let action = sender.poll(now, None);
        sender.drain_results(|result| {
            if is_spoiled(result, spoiled.as_ref()) {
                return script.attempt_spoiled(result);
            }
            script.attempt_over(result);
            if result.outcome == Outcome::Delivered {
                let intended = input.mail.intended.at(result.delivery.first.index());
                latencies.record(LatencyPhase::Delivery, wall_span(speed.wall_duration(now.since(intended))));
            }
        });
        action
    }

    fn connect(
        &mut self,
        _script: &mut TrialScript<'_>,
        conn: ConnId,
        source: SourceId,
        site: ProviderId,
        delivery: Delivery,
    ) {
        let (hosts, opened) = (&self.targets[site.index()], &mut self.opened[site.index()]);
        let to = hosts[*opened % hosts.len()];
        *opened += 1;
        let from = self.sources[source.index()];
        self.connections.open(conn, Assignment { site, source, delivery, to }, from);
    }

    fn transact(&mut self, script: &mut TrialScript<'_>, conn: ConnId, delivery: Delivery) {
        script.cancel_connection(conn);
        script.recorder().transaction_begun(self.connections.site(conn));
        self.connections.send(conn, delivery, self.messages.build(&delivery));
    }

    fn quit(&mut self, _now: Time, conn: ConnId) {
        self.connections.quit(conn);
    }

    fn change_policy(&mut self, _now: Time, change: &Change) {
        if let Some(cluster) = &self.cluster {
            cluster.change_policy(change.provider, &change.policy_change);
        }
    }

    fn complain(&mut self, _now: Time, complaint: &Complaint) {
        if let Some(cluster) = &self.cluster {
            let from = self.sources[complaint.source.index()];
            let domains = &self.input.scenario.workload.sender_domains;
            cluster.on_complaint(complaint.site, from, &domains[complaint.sender.index()]);
        }
    }

    /// The cluster's state, or as much of it as can be seen from the sender's side.
    fn provider_sample(&self, _now: Time, site: ProviderId) -> ProviderSample {
        if let Some(cluster) = &self.cluster {
            return cluster.sample(site);
        }
        let open = u32::try_from(self.connections.count(site)).expect("connections have ids of 32 bits");
        ProviderSample { open, reputation: None, open_limit: None }
    }

    fn closing_account(&self, now: Time, site: ProviderId, sender: SenderAccount) -> ClosingAccount {
        match &self.cluster {
            Some(cluster) => cluster.closing_account(now, site, sender),
            None => ClosingAccount { sender, ..ClosingAccount::default() },
        }
    }
}

/// Whether an attempt got no reply because of this machine, and is part of that delivery.
fn is_spoiled(result: &AttemptResult, spoiled: Option<&Delivery>) -> bool {
    let within = |whole: &Delivery| {
        (whole.first.0..whole.first.0 + u32::from(whole.count)).contains(&result.delivery.first.0)
            && matches!(result.result, RecipientResult::NoReply(_))
    };
    spoiled.is_some_and(within)
}
