//! Times to delivery: the seeds' histograms put together, and the log format that is `HdrHistogram`'s own.

use std::time::Duration;

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use crate::record::Record;

use super::words::slugs;

/// What was saved as a histogram is none.
#[derive(Debug, thiserror::Error)]
#[error("the histogram of `{strategy}` at `{provider}` under seed {seed} cannot be read: {reason}")]
pub struct BrokenHistogram {
    strategy: String,
    provider: String,
    seed: u64,
    reason: String,
}

/// Times to delivery of a strategy at the provider in that place, all seeds together, in milliseconds; an empty text
/// is an empty histogram.
pub(super) fn merged(record: &Record, strategy: &str, provider: usize) -> Result<Histogram<u64>, BrokenHistogram> {
    let broken = |seed, reason: String| BrokenHistogram {
        strategy: strategy.to_owned(),
        provider: record.providers.get(provider).map(|provider| provider.name.clone()).unwrap_or_default(),
        seed,
        reason,
    };
    let mut sum = Histogram::new(3).map_err(|error| broken(0, error.to_string()))?;
    for trial in record.trials_of(strategy) {
        let Some(cell) = trial.cells.get(provider).filter(|cell| !cell.time_to_delivery.is_empty()) else { continue };
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(&cell.time_to_delivery)
            .map_err(|error| broken(trial.seed, error.to_string()))?;
        let part: Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| broken(trial.seed, error.to_string()))?;
        sum.add(&part).map_err(|error| broken(trial.seed, error.to_string()))?;
    }
    Ok(sum)
}

/// The interval log of a strategy: one line for each provider, tagged with its name.
pub(super) fn log(record: &Record, strategy: &str) -> Result<Vec<u8>, BrokenHistogram> {
    let histograms: Vec<_> =
        (0..record.providers.len()).map(|place| merged(record, strategy, place)).collect::<Result<_, _>>()?;
    let tags = slugs(record.providers.iter().map(|provider| provider.name.as_str()));
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    // Neither start nor base time: a trial begins at 0 of its own clock.
    let mut builder = IntervalLogWriterBuilder::new();
    builder
        .add_comment("[Time from a message's intended time to its delivery, in milliseconds; all seeds together]")
        .add_comment("[Histogram log format version 1.3]");
    let written = (|| {
        let mut writer = builder.begin_log_with(&mut bytes, &mut serializer).map_err(|error| error.to_string())?;
        for (histogram, tag) in histograms.iter().zip(&tags) {
            let length = Duration::from_micros(record.duration_us);
            writer
                .write_histogram(histogram, Duration::ZERO, length, Tag::new(tag))
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    })();
    written.map(|()| bytes).map_err(|reason: String| BrokenHistogram {
        strategy: strategy.to_owned(),
        provider: "all".to_owned(),
        seed: 0,
        reason,
    })
}
