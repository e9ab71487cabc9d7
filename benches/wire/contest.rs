//! Rivals at the same work, compared within each round.
//!
//! How fast a machine is changes with who shares it, from one minute to the next and by more than rivals differ. So in
//! every round all of them do the work within seconds, in an order drawn for each, and mxlab is compared with each in
//! that round only: what is quoted is the median of these ratios, and its 95 % interval.

use std::fmt;

use mxlab::rng::Stream;
use mxlab::stats::{Median, Moment};
use rand::seq::SliceRandom;

/// One measurement: messages a second, and microseconds of the server's CPU for each.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) rate: f64,
    pub(crate) cpu: f64,
}

/// Some work, and who does it.
pub(crate) struct Contest {
    work: String,
    /// The first is compared with the others.
    rivals: Vec<Rival>,
}

struct Rival {
    name: &'static str,
    once: Box<dyn Fn() -> Figure>,
    /// One for each round.
    figures: Vec<Figure>,
}

impl Contest {
    pub(crate) fn new(work: impl Into<String>) -> Self {
        Self { work: work.into(), rivals: Vec::new() }
    }

    pub(crate) fn work(&self) -> &str {
        &self.work
    }

    /// With one rival more, who does the work `once` a round.
    pub(crate) fn with(mut self, name: &'static str, once: impl Fn() -> Figure + 'static) -> Self {
        self.rivals.push(Rival { name, once: Box::new(once), figures: Vec::new() });
        self
    }

    /// Everyone once.
    pub(crate) fn round(&mut self, chance: &mut Stream) {
        let mut order: Vec<&mut Rival> = self.rivals.iter_mut().collect();
        order.shuffle(chance);
        for rival in order {
            rival.figures.push((rival.once)());
        }
    }
}

/// What the columns of a contest are.
pub(crate) fn titles() -> String {
    let [rate, cpu] = ["mxlab: × its rate", "× its CPU"];
    format!("{:<28} {:<16} {:>10} {:>12}   {rate:<22} {cpu}", "work", "server", "a second", "CPU µs each")
}

impl fmt::Display for Contest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [own, others @ ..] = self.rivals.as_slice() else { return Ok(()) };
        own.row(&self.work, f)?;
        writeln!(f)?;
        for other in others {
            other.row(&self.work, f)?;
            let [rate, cpu] = [ratios(own, other, |figure| figure.rate), ratios(own, other, |figure| figure.cpu)];
            writeln!(f, "   {rate:<22} {cpu}")?;
        }
        Ok(())
    }
}

impl Rival {
    fn row(&self, work: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rate, cpu] = [self.median(|figure| figure.rate), self.median(|figure| figure.cpu)];
        write!(f, "{work:<28} {:<16} {rate:>10.0} {cpu:>12.1}", self.name)
    }

    fn median(&self, of: impl Fn(&Figure) -> f64) -> f64 {
        middle(self.figures.iter().map(of)).and_then(|median| median.median.at()).unwrap_or(f64::NAN)
    }
}

/// The median over the rounds of one's figure divided by the other's, and its interval if there are enough rounds.
fn ratios(own: &Rival, other: &Rival, of: impl Fn(&Figure) -> f64) -> String {
    let rounds = own.figures.iter().zip(&other.figures);
    let Some(ratio) = middle(rounds.map(|(own, other)| of(own) / of(other))) else { return String::new() };
    let median = ratio.median.at().unwrap_or(f64::NAN);
    match ratio.interval {
        Some((Moment::At(low), Moment::At(high))) => format!("{median:.2} ({low:.2} to {high:.2})"),
        _ => format!("{median:.2}"),
    }
}

fn middle(values: impl Iterator<Item = f64>) -> Option<Median> {
    Median::of(&values.map(Moment::At).collect::<Vec<_>>())
}
