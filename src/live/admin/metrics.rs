//! Counters and gauges in the text format that `OpenMetrics` defines, for Prometheus and others.
//!
//! They are taken from the cluster's statistics at each scrape, in a fixed order; nothing is counted for them alone.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::handlers::CLIENTS_SHOWN;
use crate::live::cluster::MxCluster;
use crate::live::snapshot::{ClusterSnapshot, ProviderSnapshot};

/// The content type that Prometheus asks for.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn scrape(State(cluster): State<Arc<MxCluster>>) -> impl IntoResponse {
    let mut registry = Registry::with_prefix("mxlab");
    registry.register_collector(Box::new(MetricsSnapshot(cluster.snapshot(CLIENTS_SHOWN))));
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = text::encode(&mut page, &registry);
    ([(header::CONTENT_TYPE, OPENMETRICS)], page)
}

#[derive(Debug)]
struct MetricsSnapshot(ClusterSnapshot);

type Labels<'a> = Vec<(&'static str, &'a str)>;

impl MetricsSnapshot {
    fn counters<'a>(
        &'a self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, help): (&str, &str),
        values: impl Fn(&'a ProviderSnapshot) -> Vec<(Labels<'a>, u64)>,
    ) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for provider in &self.0.providers {
            for (more, value) in values(provider) {
                let labels = [vec![("provider", provider.name.as_str())], more].concat();
                ConstCounter::new(value).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    /// A gauge for every client that is shown, at every provider.
    fn standings(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, help): (&str, &str),
        value: impl Fn(&crate::live::snapshot::ClientStanding) -> f64,
    ) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for client in &self.0.clients {
            let ip = client.ip.to_string();
            for standing in &client.standing {
                let labels = [("provider", standing.provider.as_str()), ("client", ip.as_str())];
                ConstGauge::new(value(standing)).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

impl Collector for MetricsSnapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let plain = |value| vec![(Labels::new(), value)];
        self.counters(&mut encoder, ("connections", "Connections made"), |provider| plain(provider.connections))?;
        self.counters(&mut encoder, ("accepted", "Recipients delivered to"), |provider| plain(provider.accepted))?;
        self.counters(&mut encoder, ("refused", "Attempts refused, by stage, rule and outcome"), |provider| {
            let mut sums = std::collections::BTreeMap::<_, u64>::new();
            for refusals in &provider.refused {
                let rule = refusals.rule.as_deref().unwrap_or("(none)");
                *sums.entry((refusals.stage, rule, refusals.outcome)).or_default() += refusals.count;
            }
            let labelled = |((stage, rule, outcome), count): ((crate::smtp::Stage, _, _), _)| {
                (vec![("stage", stage.name()), ("rule", rule), ("outcome", outcome)], count)
            };
            sums.into_iter().map(labelled).collect()
        })?;
        self.counters(&mut encoder, ("holds", "Holds begun, by rule"), |provider| {
            let begun = provider.rules.iter().filter(|rule| rule.holds > 0);
            begun.map(|rule| (vec![("rule", rule.name.as_str())], rule.holds)).collect()
        })?;
        let help = "Sessions open now";
        let mut open = encoder.encode_descriptor("open_sessions", help, None, MetricType::Gauge)?;
        for provider in &self.0.providers {
            let value = i64::from(provider.open_sessions);
            ConstGauge::new(value).encode(open.encode_family(&[("provider", provider.name.as_str())])?)?;
        }
        let help = "Reputation from 0 to 1, of the clients with the most connections";
        self.standings(&mut encoder, ("reputation", help), |standing| standing.reputation.get())?;
        self.standings(&mut encoder, ("held_by_rules", "Rules that hold the client now"), |standing| {
            standing.holds.len() as f64
        })
    }
}
