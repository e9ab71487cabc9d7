//! Replies over time, stacked by text: what the provider says to a strategy.

use crate::record::{Record, ReplyCount};

use super::super::replies::counted;
use super::super::words::{number, shortened, slugs};
use super::figure::{Figure, LegendEntry, LegendMark, Mark, Panel, Rgb};
use super::style::{COLOURS, GREY, is_oracle, panel_title};
use super::ticks;
use super::time::TimeWindow;

/// A figure for each strategy that was refused anything, the first few of them.
pub(super) fn figures(record: &Record) -> Vec<Figure> {
    let names = slugs(record.strategies.iter().map(|strategy| strategy.name.as_str()));
    let window = TimeWindow::of(record);
    let all = record.strategies.iter().zip(names).enumerate();
    let figures = all.filter(|(place, _)| !is_oracle(record, *place)).filter_map(|(_, (strategy, name))| {
        let panels: Vec<Panel> =
            (0..record.providers.len()).filter_map(|place| panel(record, &window, &strategy.name, place)).collect();
        (!panels.is_empty()).then(|| Figure {
            name: format!("replies-{name}"),
            title: format!("Which replies does {} get?", shortened(&strategy.name, 28)),
            caption: format!(
                "Refused attempts in each interval, the mean over the seeds, stacked by the text of the reply.{}",
                window.beyond
            ),
            legend: vec![],
            panels: panels.into_iter().take(MOST_PANELS).collect(),
            stacked: true,
        })
    });
    figures.take(MOST_FIGURES).collect()
}

/// Strategies with a figure of their own; `replies.csv` has all.
const MOST_FIGURES: usize = 8;

/// Providers that are drawn.
const MOST_PANELS: usize = 8;

/// Texts that get a colour of their own; the others are put together.
const MOST_TEXTS: usize = 6;

fn panel(record: &Record, window: &TimeWindow, strategy: &str, place: usize) -> Option<Panel> {
    let replies = counted(record, strategy, place);
    let seeds = record.trials_of(strategy).count().max(1) as f64;
    if replies.is_empty() {
        return None;
    }
    let (own, rest) = replies.split_at(replies.len().min(MOST_TEXTS));
    let mut layers: Vec<(String, Rgb, Vec<f64>)> = own
        .iter()
        .zip(COLOURS)
        .map(|(reply, colour)| (words(reply), colour, over_time(window, std::slice::from_ref(reply), seeds)))
        .collect();
    if !rest.is_empty() {
        let count: u64 = rest.iter().map(|reply| reply.count).sum();
        layers.push((
            format!("{} others ({})", rest.len(), number(count as f64 / seeds)),
            GREY,
            over_time(window, rest, seeds),
        ));
    }
    let width = window.axis().max / window.len() as f64;
    let mut heights = vec![0.0; window.len()];
    let mut marks = Vec::new();
    for (_, colour, values) in &layers {
        for (n, value) in values.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            let corners = [n as f64 * width, heights[n], (n + 1) as f64 * width, heights[n] + value];
            marks.push(Mark::Bar { corners, colour: *colour });
            heights[n] += value;
        }
    }
    // The legend stands in the order of the stack: the topmost first.
    let legend = layers
        .into_iter()
        .rev()
        .map(|(text, colour, _)| LegendEntry { text, look: LegendMark::Area(colour) })
        .collect();
    Some(Panel {
        title: panel_title(record, &record.providers[place]),
        x: window.axis(),
        y: ticks::count("refused attempts", heights.iter().copied().fold(0.0, f64::max)),
        marks,
        legend,
        note: None,
    })
}

fn words(reply: &ReplyCount) -> String {
    shortened(&reply.text, 46)
}

fn over_time(window: &TimeWindow, replies: &[ReplyCount], seeds: f64) -> Vec<f64> {
    let mut values = vec![0.0; window.len()];
    for (bucket, attempts) in replies.iter().flat_map(|reply| &reply.over_time) {
        if let Some(place) = window.bucket(*bucket) {
            values[place] += *attempts as f64 / seeds;
        }
    }
    values
}
