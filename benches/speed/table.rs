//! What was measured, as a table that a README can show.

use std::fmt;

use crate::Figures;

/// One round of what is compared.
pub(crate) struct Race {
    pub(crate) recipients: u64,
    pub(crate) wide: Figures,
    pub(crate) steady: Figures,
    pub(crate) bite: Figures,
    pub(crate) burst: Figures,
    /// The bare loop at the size of the SimPy model. What waits there is little, and stays in a processor's cache.
    pub(crate) small_burst: Figures,
    /// Steady and burst; `None` where there is no SimPy.
    pub(crate) simpy: Option<[Figures; 2]>,
}

/// All rounds.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) races: Vec<Race>,
    /// Milliseconds of a whole run of one recipient.
    pub(crate) starts: Vec<f64>,
    /// Milliseconds from start to exit of a process that does nothing but a trial of one recipient.
    pub(crate) first_events: Vec<f64>,
    /// How much faster two threads are than one.
    pub(crate) speedups: Vec<f64>,
    pub(crate) growth: Vec<(u64, Figures)>,
    /// Preset, recipients and figures of the worlds of thirty sites and a hundred sources.
    pub(crate) sites: Vec<(&'static str, u64, Figures)>,
    /// Sizes for which there is not enough memory.
    pub(crate) skipped: Vec<u64>,
}

/// The deferral share of the two models may differ by so much, by chance.
const SHARES_APART_MAX: f64 = 0.01;

impl Table {
    /// Whether the bare loop and the SimPy model are one model.
    pub(crate) fn models_agree(&self) -> bool {
        self.shares().is_none_or(|[bare, simpy]| (bare - simpy).abs() < SHARES_APART_MAX)
    }

    /// Share of the attempts deferred in the burst: the bare loop, SimPy.
    fn shares(&self) -> Option<[f64; 2]> {
        let race = self.races.first()?;
        let [_, burst] = race.simpy?;
        Some([race.small_burst, burst].map(|figures| figures.deferred / figures.attempts))
    }

    fn median(&self, of: impl Fn(&Race) -> f64) -> f64 {
        median(self.races.iter().map(of).collect())
    }

    fn row(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        own: impl Fn(&Race) -> Figures,
        against: impl Fn(&Race) -> (Figures, Option<Figures>),
    ) -> fmt::Result {
        let rate = self.median(|race| own(race).rate()) / 1e6;
        let deferred = self.median(|race| own(race).deferred / own(race).attempts) * 100.0;
        let bare = self.median(|race| own(race).rate() / against(race).0.rate());
        let simpy = self.races.iter().map(|race| Some(own(race).rate() / against(race).1?.rate()));
        let simpy =
            simpy.collect::<Option<Vec<f64>>>().map_or("skipped".to_owned(), |all| format!("{:.0}", median(all)));
        writeln!(f, "| {name} | {rate:.3} M | {deferred:.1} % | {bare:.2} | {simpy} |")
    }

    fn race_rows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| one core | attempts a second | deferred | × bare loop | × SimPy |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        let steady = |race: &Race| (race.steady, race.simpy.map(|[steady, _]| steady));
        let burst = |race: &Race| (race.burst, race.simpy.map(|[_, burst]| burst));
        self.row(f, "mxlab, Charter, limits that hardly bite", |race| race.wide, steady)?;
        self.row(f, "mxlab, Charter, limits that bite", |race| race.bite, burst)?;
        self.row(f, "bare loop, steady", |race| race.steady, steady)?;
        self.row(f, "bare loop, burst", |race| race.burst, burst)?;
        self.row(f, "bare loop, burst as small as SimPy's", |race| race.small_burst, burst)?;
        if self.races.iter().all(|race| race.simpy.is_some()) {
            let of = |race: &Race, n: usize| race.simpy.map_or_else(Figures::default, |both| both[n]);
            self.row(f, "SimPy, steady", |race| of(race, 0), steady)?;
            self.row(f, "SimPy, burst", |race| of(race, 1), burst)?;
        }
        Ok(())
    }

    pub(crate) fn sites_rows(&self) -> String {
        let head = "| 30 sites, 100 sources, one core | recipients | attempts | seconds | bytes a recipient |\n\
                    |---|---|---|---|---|\n";
        let rows = self.sites.iter().map(|(preset, recipients, figures)| {
            let Figures { attempts, seconds, bytes, .. } = *figures;
            format!("| {preset} | {recipients} | {attempts} | {seconds:.1} | {:.1} |\n", bytes / *recipients as f64)
        });
        head.to_owned() + &rows.collect::<String>()
    }

    fn other_rows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |race: &Race| race.wide.bytes.max(race.bite.bytes) / race.recipients as f64;
        writeln!(f, "| memory | {:.1} bytes a recipient, its row in the table of mail included |", self.median(bytes))?;
        writeln!(
            f,
            "| start of a process to its first event and exit | {:.0} ms |",
            median(self.first_events.clone())
        )?;
        writeln!(f, "| `mxlab run` of one recipient, report written | {:.0} ms |", median(self.starts.clone()))?;
        writeln!(f, "| trials on two cores | {:.2} × one |", median(self.speedups.clone()))?;
        if let Some([bare, simpy]) = self.shares() {
            writeln!(f, "| burst, deferred: bare loop and SimPy | {:.1} % and {:.1} % |", bare * 100.0, simpy * 100.0)?;
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.race_rows(f)?;
        writeln!(f, "\n| | |\n|---|---|")?;
        self.other_rows(f)?;
        writeln!(f, "\n| recipients | attempts | CPU time an attempt | bytes a recipient |\n|---|---|---|---|")?;
        for (recipients, figures) in &self.growth {
            let (nanos, bytes) = (figures.seconds / figures.attempts * 1e9, figures.bytes / *recipients as f64);
            writeln!(f, "| {recipients} | {} | {nanos:.0} ns | {bytes:.1} |", figures.attempts)?;
        }
        for recipients in &self.skipped {
            writeln!(f, "| {recipients} | skipped: not enough memory | | |")?;
        }
        write!(f, "\n{}", self.sites_rows())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
