//! Recipients, one by one: each is injected once, is in one place at a time, is settled after every attempt, and ends
//! once; and none is delivered to whose message no provider took.

use std::collections::BTreeMap;

use mxlab::record::{Totals, Trial};
use mxlab::sender::{AttemptResult, Delivery, Outcome, RecipientResult};
use mxlab::smtp::Stage;
use mxlab::units::{ConnId, ProviderId, SessionId};

use super::log::{Judged, Log, LoggedEvent};

/// Says what is wrong, if anything is.
pub(crate) fn check(log: &Log, trial: &Trial, recipients: usize, oracle: bool) -> Result<(), String> {
    let mut recipients =
        Recipients { places: vec![Place::Outside; recipients], sums: [0; 4], taken: 0, named: BTreeMap::new(), oracle };
    for entry in &log.entries {
        let wrong = |why: String| format!("at {} s: {why}", entry.at.as_secs_f64());
        recipients.apply(&entry.event).map_err(wrong)?;
    }
    let sum = |of: fn(&Totals) -> u64| trial.cells.iter().map(|cell| of(&cell.totals)).sum::<u64>();
    let theirs = [sum(|t| t.injected), sum(|t| t.delivered), sum(|t| t.bounced), sum(|t| t.expired)];
    let away = |place: &&Place| matches!(place, Place::Queued | Place::Away(_));
    let queued = recipients.places.iter().filter(away).count() as u64;
    let [injected, ended @ ..] = recipients.sums;
    if recipients.sums != theirs || injected != ended.iter().sum::<u64>() + queued || queued != sum(|t| t.queued) {
        return Err(format!(
            "injected, delivered, bounced, expired: {:?} and {queued} queued, not {theirs:?}",
            recipients.sums
        ));
    }
    // What a provider took may be lost on the way back: it is then sent again.
    if recipients.sums[1] > recipients.taken {
        return Err(format!("{} are delivered, but providers took {}", recipients.sums[1], recipients.taken));
    }
    Ok(())
}

struct Recipients {
    /// Where each recipient is.
    places: Vec<Place>,
    /// Injected, delivered, bounced, expired.
    sums: [u64; 4],
    /// Recipients of messages that providers took.
    taken: u64,
    /// Recipients named so far in each session's message.
    named: BTreeMap<(ProviderId, SessionId), u64>,
    /// Whether mail that waits for a connection may go by another.
    oracle: bool,
}

/// Where a recipient is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Not injected.
    Outside,
    /// With the sender.
    Queued,
    /// Bound to a connection.
    Away(ConnId),
    /// Delivered, bounced or expired.
    Ended,
}

impl Recipients {
    fn apply(&mut self, event: &LoggedEvent) -> Result<(), String> {
        match event {
            LoggedEvent::Injected(delivery) => {
                self.sums[0] += u64::from(delivery.count);
                self.moves(delivery, |place| place == Place::Outside, Place::Queued)
            }
            LoggedEvent::Connect(conn, _, delivery) if !self.oracle => {
                self.moves(delivery, |place| place == Place::Queued, Place::Away(*conn))
            }
            LoggedEvent::Transact(conn, delivery) => {
                self.moves(delivery, |place| [Place::Queued, Place::Away(*conn)].contains(&place), Place::Away(*conn))
            }
            LoggedEvent::Settled(settled) => self.settles(settled),
            LoggedEvent::Judged(site, judged) => {
                self.takes(*site, judged);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn settles(&mut self, settled: &AttemptResult) -> Result<(), String> {
        let ends = match settled.outcome {
            Outcome::Delivered => Some(1),
            Outcome::Bounced => Some(2),
            Outcome::Deferred | Outcome::Failed | Outcome::Unsent | Outcome::PutOff => settled.expired.then_some(3),
        };
        if (settled.result == RecipientResult::Accepted) != (settled.outcome == Outcome::Delivered) {
            return Err(format!("heard one thing, settled another: {settled:?}"));
        }
        if let Some(sum) = ends {
            self.sums[sum] += u64::from(settled.delivery.count);
        }
        let unsent = matches!(settled.outcome, Outcome::Unsent | Outcome::PutOff);
        let oracle = self.oracle;
        let may = |place| match place {
            Place::Away(_) => !unsent,
            Place::Queued => unsent || oracle,
            Place::Outside | Place::Ended => false,
        };
        self.moves(&settled.delivery, may, if ends.is_some() { Place::Ended } else { Place::Queued })
    }

    /// All recipients of a delivery go from a place where they may be to another.
    fn moves(&mut self, delivery: &Delivery, may: impl Fn(Place) -> bool, to: Place) -> Result<(), String> {
        let range = delivery.first.index()..delivery.first.index() + usize::from(delivery.count);
        for (recipient, place) in range.clone().zip(&mut self.places[range]) {
            if !may(*place) {
                return Err(format!("recipient {recipient} is {place:?} and cannot become {to:?}"));
            }
            *place = to;
        }
        Ok(())
    }

    /// Recipients of a message that a provider takes.
    fn takes(&mut self, site: ProviderId, judged: &Judged) {
        let Some(session) = judged.session else { return };
        let named = self.named.entry((site, session)).or_default();
        match judged.stage {
            Stage::Mail => *named = 0,
            Stage::Rcpt => *named += u64::from(judged.refused.is_none()),
            Stage::EndOfData if judged.refused.is_none() => self.taken += *named - judged.undeliverable as u64,
            _ => {}
        }
    }
}
