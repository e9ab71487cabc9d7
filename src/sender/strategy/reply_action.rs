//! What a sender does about a reply besides deferring or bouncing the message: it may count it as push-back, leave the
//! site alone, or change an axis for a while, at once or after so many in a span. KumoMTA's traffic shaping automation,
//! PowerMTA's back-off mode and Momentum's response rules are lists of these.

use std::collections::VecDeque;
use std::fmt;

use super::pacing::Pacing;
use crate::time::{Span, Time};
use crate::units::ProviderId;

/// One thing a sender does about a reply.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplyAction {
    /// What it does.
    pub effect: ReplyEffect,
    /// It does so at every such reply (1), or when so many have come within `within`; it then counts from the start.
    pub after: u32,
    /// The span in which replies count together.
    pub within: Span,
}

/// What a sender does to everything that shares a limiter. What lasts a while is over after that, and the axis as it
/// was; what comes again meanwhile lasts from then on.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplyEffect {
    /// Concurrency and breaker are told that the site pushes back.
    PushBack,
    /// The site is left alone. Its mail stays ready.
    Suspend {
        /// How long no delivery to it begins, from the reply on.
        pause: Span,
    },
    /// So many deliveries at once, whatever the concurrency axis says.
    SetWindow {
        /// Deliveries at a time; at least 1.
        window: u32,
        /// For how long, from the reply on.
        lasts: Span,
    },
    /// The window of the concurrency axis is multiplied; at least 1 is left.
    ScaleWindow {
        /// By which it is multiplied: above 0, below 1 for fewer deliveries at a time.
        factor: f64,
        /// For how long, from the reply on.
        lasts: Span,
    },
    /// Another pacing than the pacing axis says.
    SetPacing {
        /// What paces deliveries in place of the pacing axis.
        pacing: Pacing,
        /// For how long, from the reply on.
        lasts: Span,
    },
    /// The rate of the pacing axis is multiplied; no pacing stays none.
    ScalePacing {
        /// By which it is multiplied: above 0, below 1 for fewer deliveries in a span.
        factor: f64,
        /// For how long, from the reply on.
        lasts: Span,
    },
}

impl ReplyAction {
    /// The effect of every such reply.
    pub const fn at_once(effect: ReplyEffect) -> Self {
        Self { effect, after: 1, within: Span::ZERO }
    }
}

impl ReplyEffect {
    /// How long it lasts; no time for what is over at once.
    const fn lasts(&self) -> Span {
        match *self {
            Self::PushBack => Span::ZERO,
            Self::Suspend { pause } => pause,
            Self::SetWindow { lasts, .. }
            | Self::ScaleWindow { lasts, .. }
            | Self::SetPacing { lasts, .. }
            | Self::ScalePacing { lasts, .. } => lasts,
        }
    }
}

impl fmt::Display for ReplyAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.effect {
            ReplyEffect::PushBack => f.write_str("counts as push-back")?,
            ReplyEffect::Suspend { pause } => write!(f, "leaves the site alone for {pause}")?,
            ReplyEffect::SetWindow { window, lasts } => write!(f, "leaves {window} at once for {lasts}")?,
            ReplyEffect::ScaleWindow { factor, lasts } => write!(f, "makes the window × {factor} for {lasts}")?,
            ReplyEffect::SetPacing { pacing, lasts } => write!(f, "sets the pace for {lasts}: {pacing}")?,
            ReplyEffect::ScalePacing { factor, lasts } => write!(f, "makes the rate × {factor} for {lasts}")?,
        }
        if self.after > 1 { write!(f, " after {} within {}", self.after, self.within) } else { Ok(()) }
    }
}

/// What replies have done to a limiter, and what they are about to do.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Replies that have not come to an action yet.
    counted: Vec<RecentReplies>,
    /// What lasts, in the order in which it began.
    active: Vec<Active>,
}

/// Which action of which rule of which site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionKey {
    /// The site that replied.
    pub site: ProviderId,
    /// The place of the rule in the site's reading.
    pub rule: usize,
    /// The place of the action in the rule.
    pub action: usize,
}

/// When replies came that an action counts.
#[derive(Clone, Debug)]
struct RecentReplies {
    key: ActionKey,
    at: VecDeque<Time>,
}

/// An effect, and when it is over.
#[derive(Clone, Debug)]
struct Active {
    effect: ReplyEffect,
    until: Time,
}

impl State {
    /// A reply with this action came. Whether it was the last that was missing.
    pub fn count(&mut self, now: Time, key: ActionKey, action: &ReplyAction) -> bool {
        if action.after <= 1 {
            return true;
        }
        let place = self.counted.iter().position(|counted| counted.key == key).unwrap_or_else(|| {
            self.counted.push(RecentReplies { key, at: VecDeque::new() });
            self.counted.len() - 1
        });
        let at = &mut self.counted[place].at;
        at.push_back(now);
        while at.front().is_some_and(|first| *first + action.within < now) {
            at.pop_front();
        }
        let fires = at.len() >= usize::try_from(action.after).unwrap_or(usize::MAX);
        if fires {
            at.clear();
        }
        fires
    }

    /// An effect that lasts begins, or lasts longer.
    pub fn begin(&mut self, now: Time, effect: &ReplyEffect) {
        self.active.retain(|active| active.effect != *effect);
        self.active.push(Active { effect: effect.clone(), until: now + effect.lasts() });
    }

    /// Ends what is over. Whether anything was.
    pub fn end(&mut self, now: Time) -> bool {
        let before = self.active.len();
        self.active.retain(|active| active.until > now);
        self.active.len() < before
    }

    /// When the next effect is over; `None` where none is active.
    pub fn ends_at(&self) -> Option<Time> {
        self.active.iter().map(|active| active.until).min()
    }

    /// When the site may be tried again.
    pub fn resumes_at(&self) -> Time {
        let suspended = self.active.iter().filter(|active| matches!(active.effect, ReplyEffect::Suspend { .. }));
        suspended.map(|active| active.until).max().unwrap_or(Time::ZERO)
    }

    /// What is left of a window.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    pub fn window(&self, window: u32) -> u32 {
        let (mut set, mut scale) = (window, None);
        for active in &self.active {
            match &active.effect {
                ReplyEffect::SetWindow { window, .. } => set = *window,
                ReplyEffect::ScaleWindow { factor, .. } => scale = Some(scale.unwrap_or(1.0) * factor),
                ReplyEffect::PushBack
                | ReplyEffect::Suspend { .. }
                | ReplyEffect::SetPacing { .. }
                | ReplyEffect::ScalePacing { .. } => {}
            }
        }
        scale.map_or(set, |factor| ((f64::from(set) * factor) as u32).max(1))
    }

    /// What becomes of a pacing.
    pub fn pacing(&self, pacing: &Pacing) -> Pacing {
        let (mut set, mut scale) = (pacing, None);
        for active in &self.active {
            match &active.effect {
                ReplyEffect::SetPacing { pacing, .. } => set = pacing,
                ReplyEffect::ScalePacing { factor, .. } => scale = Some(scale.unwrap_or(1.0) * factor),
                ReplyEffect::PushBack
                | ReplyEffect::Suspend { .. }
                | ReplyEffect::SetWindow { .. }
                | ReplyEffect::ScaleWindow { .. } => {}
            }
        }
        scale.map_or_else(|| set.clone(), |factor| set.scaled(factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time::ZERO + Span::from_secs(secs)
    }

    #[test]
    fn replies_count_within_a_span_and_from_the_start_after_they_led_to_something() {
        let effect = ReplyEffect::Suspend { pause: Span::HOUR };
        let action = ReplyAction { effect, after: 3, within: Span::from_secs(10) };
        let (mut state, key) = (State::default(), ActionKey { site: ProviderId(0), rule: 0, action: 0 });
        let other = ActionKey { rule: 1, ..key };
        let came = [0, 1, 20, 25, 30, 31, 32, 33].map(|secs| state.count(at(secs), key, &action));
        assert_eq!(came, [false, false, false, false, true, false, false, true]);
        assert!(!state.count(at(34), other, &action), "each rule counts by itself");
        assert!(state.count(at(40), key, &ReplyAction::at_once(ReplyEffect::PushBack)));
    }

    #[test]
    fn what_was_set_and_scaled_is_as_before_when_it_is_over() {
        let lasts = Span::from_secs(60);
        let mut state = State::default();
        state.begin(at(0), &ReplyEffect::SetWindow { window: 4, lasts });
        state.begin(at(30), &ReplyEffect::ScaleWindow { factor: 0.5, lasts });
        state.begin(at(30), &ReplyEffect::ScaleWindow { factor: 0.1, lasts: Span::from_secs(10) });
        assert_eq!(state.window(20), 1, "at least one");
        assert_eq!(state.ends_at(), Some(at(40)));
        assert!(state.end(at(40)));
        assert_eq!(state.window(20), 2);
        assert!(state.end(at(60)));
        assert_eq!(state.window(20), 10);
        state.begin(at(70), &ReplyEffect::ScaleWindow { factor: 0.5, lasts });
        assert!(!state.end(at(90)), "it came again, and lasts from then on");
        assert!(state.end(at(130)));
        assert_eq!((state.window(20), state.ends_at()), (20, None));
    }
}
