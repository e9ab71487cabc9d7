//! A limiter: one window of concurrency, one pace and one breaker, for all queues that share it.

use std::sync::Arc;

use super::connection_reuse::ConnectionReuse;
use super::strategy::controller::{Load, Observation, PaceController, WindowController};
use super::strategy::reply_action::{self, ActionKey};
use super::strategy::{ReplyAction, ReplyEffect, SiteAxes, breaker, concurrency, pacing};
use crate::time::{Span, Time};
use crate::units::{ProviderId, QueueId};

/// What the queues of one scope share.
#[derive(Clone, Debug)]
pub(super) struct Limiter {
    /// The site of its first queue.
    site: ProviderId,
    /// What the strategy does there; as far as a limiter goes by it, the same at the sites of all its queues.
    axes: Arc<SiteAxes>,
    concurrency: concurrency::State,
    pacing: pacing::State,
    breaker: breaker::State,
    reuse: ConnectionReuse,
    /// What replies have done to the axes; nothing for most senders.
    replies: Option<Box<reply_action::State>>,
    load: Load,
    /// The queues, taken in turn.
    queues: Vec<QueueId>,
    turn: usize,
    /// No queue gives up mail that is younger.
    gives_up: Span,
    /// When what was learnt is forgotten unless mail comes before; `Time::NEVER` while there is work.
    forgets_at: Time,
}

impl Limiter {
    pub(super) fn new(site: ProviderId, axes: Arc<SiteAxes>) -> Self {
        Self {
            site,
            concurrency: concurrency::State::new(&axes.concurrency),
            pacing: pacing::State::new(&axes.pacing),
            breaker: breaker::State::new(&axes.breaker),
            reuse: ConnectionReuse::new(axes.session.on_demand),
            gives_up: axes.retry.give_up,
            axes,
            replies: None,
            load: Load::default(),
            queues: Vec::new(),
            turn: 0,
            forgets_at: Time::NEVER,
        }
    }

    /// A queue shares it, at whose site the strategy does this.
    ///
    /// # Panics
    ///
    /// If a limiter would have to be another there.
    pub(super) fn add_queue(&mut self, queue: QueueId, axes: &SiteAxes) {
        assert!(
            self.axes.limits_like(axes),
            "sites that share a limiter have the same concurrency, pacing and breaker"
        );
        self.queues.push(queue);
        self.gives_up = self.gives_up.min(axes.retry.give_up);
    }

    pub(super) fn queues(&self) -> &[QueueId] {
        &self.queues
    }

    /// The site under which its window is sampled.
    pub(super) const fn site(&self) -> ProviderId {
        self.site
    }

    /// The queue whose turn it is.
    pub(super) fn current_queue(&self) -> QueueId {
        self.queues[self.turn]
    }

    /// It is the next queue's turn.
    pub(super) fn pass_turn(&mut self) {
        self.turn = if self.turn + 1 < self.queues.len() { self.turn + 1 } else { 0 };
    }

    /// A message has become ready in one of the queues.
    pub(super) fn message_ready(&mut self) {
        self.load.ready += 1;
    }

    /// A message has been taken from one of the queues.
    pub(super) fn message_taken(&mut self) {
        self.load.ready -= 1;
    }

    pub(super) const fn load(&self) -> Load {
        self.load
    }

    /// Whether an idle connection takes up a place of the window.
    pub(super) fn counts_idle(&self) -> bool {
        self.axes.session.counts_idle
    }

    /// Whether one more delivery may begin, on a connection that is open already or on a new one, where so many are
    /// open or being opened.
    #[inline]
    pub(super) fn has_room(&self, open: u32, on_open: bool) -> bool {
        let taken = if self.counts_idle() && !on_open { open } else { self.load.busy };
        taken < self.width()
    }

    /// Whether one of so many open connections is one too many.
    pub(super) fn is_overfull(&self, open: u32) -> bool {
        self.counts_idle() && open > self.width()
    }

    /// Whether all it may do is under way, and none of its open connections is idle.
    pub(super) fn is_full(&self, open: u32) -> bool {
        self.load.busy == open && self.load.busy >= self.width()
    }

    /// When breaker, replies and pace next allow a delivery to begin; not after `now` if they do now.
    #[inline]
    pub(super) fn ready_at(&self, now: Time) -> Time {
        let at = self.breaker.resumes_at().max(self.pacing.ready_at(now));
        self.replies.as_ref().map_or(at, |replies| at.max(replies.resumes_at()))
    }

    /// How many deliveries at once, now; none at a dead site.
    pub(super) fn window(&self, now: Time) -> u32 {
        if self.is_dead(now) { 0 } else { self.width() }
    }

    /// How many deliveries at once, where the site is not dead.
    #[inline]
    pub(super) fn width(&self) -> u32 {
        let window = self.concurrency.window(self.load);
        self.replies.as_ref().map_or(window, |replies| replies.window(window))
    }

    /// Whether any message could be too old by now.
    pub(super) fn may_hold_old_mail(&self, now: Time) -> bool {
        now >= Time::ZERO + self.gives_up
    }

    /// Until when mail for the site is deferred without being tried; long past where it is not.
    pub(super) const fn dead_until(&self) -> Time {
        self.breaker.dead_until()
    }

    /// Whether mail for the site is deferred without being tried.
    pub(super) fn is_dead(&self, now: Time) -> bool {
        self.breaker.dead_until() > now
    }

    /// A delivery begins. Whether its connection is kept for another.
    pub(super) fn began(&mut self, now: Time) -> bool {
        self.load.busy += 1;
        self.pacing.began(now);
        self.forgets_at = Time::NEVER;
        self.reuse.begins(now, self.load.busy)
    }

    /// A delivery is not under way any more, and says nothing about the site.
    pub(super) fn withdrawn(&mut self) {
        self.load.busy -= 1;
    }

    /// Whether a delivery that begins now looks for a connection that was kept.
    pub(super) fn looks_for_idle(&self, now: Time) -> bool {
        self.reuse.looks_for_idle(now)
    }

    /// A delivery is over, still counted as busy. When the site was found dead by it: until when.
    pub(super) fn observe(&mut self, seen: &Observation) -> Option<Time> {
        if self.is_dead(seen.now) {
            if !seen.pushed_back {
                self.revive();
            }
            return None;
        }
        self.breaker.observe(seen);
        if self.is_dead(seen.now) {
            return Some(self.breaker.dead_until());
        }
        self.concurrency.observe(seen);
        None
    }

    /// The delivery that was observed is no longer busy.
    pub(super) fn ended(&mut self, seen: &Observation) {
        self.load.busy -= 1;
        self.reuse.ended(seen.now);
        self.pacing.observe(seen);
        if self.breaker.is_ended_by_pace(seen.now) && self.pacing.ready_at(seen.now) > seen.now {
            self.revive();
        }
        if self.load == Load::default() && self.concurrency.forgets_when_drained() {
            self.forgets_at = self.ready_at(seen.now);
            self.forget(seen.now);
        }
    }

    /// A reply asks for an action. Whether it counts as push-back.
    pub(super) fn respond(&mut self, now: Time, key: ActionKey, action: &ReplyAction) -> bool {
        let replies = self.replies.get_or_insert_default();
        if !replies.count(now, key, action) {
            return false;
        }
        if action.effect == ReplyEffect::PushBack {
            return true;
        }
        replies.begin(now, &action.effect);
        self.pacing.change(&replies.pacing(&self.axes.pacing));
        false
    }

    /// When the next of what replies have done is over; `None` where they have done nothing.
    pub(super) fn recovers_at(&self) -> Option<Time> {
        self.replies.as_ref().and_then(|replies| replies.ends_at())
    }

    /// Time has passed: a dead site may be tried again, what no mail needed is forgotten, and what replies have done is
    /// over.
    pub(super) fn refresh(&mut self, now: Time) {
        let dead_until = self.breaker.dead_until();
        if dead_until > Time::ZERO && dead_until <= now {
            self.revive();
        }
        self.forget(now);
        if let Some(replies) = &mut self.replies
            && replies.end(now)
        {
            self.pacing.change(&replies.pacing(&self.axes.pacing));
        }
    }

    fn revive(&mut self) {
        self.breaker = breaker::State::new(&self.axes.breaker);
        self.concurrency.reopen(self.load.busy);
    }

    fn forget(&mut self, now: Time) {
        if self.forgets_at <= now {
            self.forgets_at = Time::NEVER;
            self.breaker = breaker::State::new(&self.axes.breaker);
            self.concurrency = concurrency::State::new(&self.axes.concurrency);
            self.reuse.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sender::preset;
    use crate::sender::strategy::Pacing;
    use crate::sender::strategy::controller::tests::seen;
    use crate::sender::strategy::pacing::token_bucket::TokenBucket;
    use crate::sender::strategy::{Concurrency, Strategy};

    fn limiter(strategy: Strategy, busy: u32) -> Limiter {
        let mut limiter = Limiter::new(ProviderId(0), Arc::new(strategy.axes));
        limiter.load.busy = busy;
        limiter
    }

    fn observe(limiter: &mut Limiter, now: Time, pushed_back: bool) {
        limiter.observe(&seen(now, limiter.load.busy, limiter.width(), pushed_back));
    }

    /// The window after each of many failures in a row, from a window of `from`; 0 is a dead site.
    fn falls(preset: &str, from: u32, negative: &str) -> Vec<u32> {
        let mut strategy = preset::strategy(preset).unwrap().unwrap();
        if let Concurrency::Feedback(feedback) = &mut strategy.axes.concurrency {
            (feedback.initial, feedback.limit) = (from, None);
            feedback.negative = negative.parse().unwrap();
        }
        let mut limiter = limiter(strategy, from);
        let mut windows = Vec::new();
        while windows.last() != Some(&0) {
            observe(&mut limiter, Time::ZERO, true);
            windows.push(limiter.window(Time::ZERO));
        }
        windows
    }

    /// The sequences worked out from Postfix's source and from its README.
    #[test]
    fn a_site_is_dead_after_a_cohort_of_failures() {
        assert_eq!(falls("postfix", 5, "1"), [3, 2, 0]);
        assert_eq!(falls("postfix-readme", 5, "1"), [4, 3, 2, 0]);
        assert_eq!(falls("postfix", 10, "1").len(), 7);
        assert_eq!(falls("postfix-readme", 10, "1").len(), 7);
        assert_eq!(falls("postfix", 20, "1"), [18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 0]);
        assert_eq!(falls("postfix-readme", 20, "1").len(), 13);
        assert_eq!([falls("postfix", 2, "1").len(), falls("postfix", 1, "1").len()], [2, 1]);
        assert_eq!([falls("postfix-readme", 2, "1").len(), falls("postfix-readme", 1, "1").len()], [2, 2]);
        assert_eq!(falls("postfix", 5, "1/concurrency"), [4, 4, 4, 3, 0]);
        assert_eq!(falls("postfix-readme", 5, "1/concurrency").len(), 5);
    }

    #[test]
    fn a_success_opens_a_dead_site_as_wide_as_what_is_under_way() {
        let mut limiter = limiter(preset::strategy("postfix").unwrap().unwrap(), 3);
        for _ in 0..3 {
            observe(&mut limiter, Time::ZERO, true);
        }
        assert!(limiter.is_dead(Time::ZERO));
        observe(&mut limiter, Time::ZERO, false);
        assert_eq!(limiter.window(Time::ZERO), 3);
    }

    fn respond(limiter: &mut Limiter, now: Time, effect: ReplyEffect) -> bool {
        let key = ActionKey { site: ProviderId(0), rule: 0, action: 0 };
        limiter.respond(now, key, &ReplyAction::at_once(effect))
    }

    fn at(secs: u64) -> Time {
        Time::ZERO + Span::from_secs(secs)
    }

    #[test]
    fn a_reply_suspends_a_site_for_a_while() {
        let mut limiter = limiter(preset::strategy("fixed").unwrap().unwrap(), 0);
        assert!(!respond(&mut limiter, at(10), ReplyEffect::Suspend { pause: Span::from_secs(60) }));
        assert_eq!(limiter.ready_at(at(10)), at(70));
        assert_eq!(limiter.recovers_at(), Some(at(70)));
        limiter.refresh(at(70));
        assert_eq!((limiter.ready_at(at(70)), limiter.recovers_at()), (at(70), None));
        assert!(respond(&mut limiter, at(80), ReplyEffect::PushBack), "at once");
    }

    #[test]
    fn a_reply_sets_and_scales_the_window_until_it_recovers() {
        let lasts = Span::from_secs(60);
        let mut limiter = limiter(preset::strategy("fixed").unwrap().unwrap(), 0);
        respond(&mut limiter, at(0), ReplyEffect::ScaleWindow { factor: 0.25, lasts });
        assert_eq!(limiter.window(at(0)), 5);
        respond(&mut limiter, at(30), ReplyEffect::SetWindow { window: 1, lasts });
        assert_eq!(limiter.window(at(30)), 1);
        limiter.refresh(at(60));
        assert_eq!(limiter.window(at(60)), 1);
        limiter.refresh(at(90));
        assert_eq!(limiter.window(at(90)), 20);
    }

    #[test]
    fn a_reply_sets_and_scales_the_pace_until_it_recovers() {
        let (second, lasts) = (Span::from_secs(1), Span::from_secs(60));
        let mut limiter = limiter(preset::strategy("paced").unwrap().unwrap(), 0);
        let next = |limiter: &mut Limiter, now: Time| {
            limiter.began(now);
            limiter.ready_at(now).since(now)
        };
        assert_eq!(next(&mut limiter, at(0)), Span::from_millis(100));
        respond(&mut limiter, at(1), ReplyEffect::ScalePacing { factor: 0.5, lasts });
        assert_eq!(next(&mut limiter, at(1)), Span::from_millis(200));
        let pacing = Pacing::TokenBucket(TokenBucket { messages: 1, per: second.times(30), burst: 1 });
        respond(&mut limiter, at(2), ReplyEffect::SetPacing { pacing, lasts });
        assert_eq!(next(&mut limiter, at(2)), Span::from_secs(60), "half of one in 30 s");
        limiter.refresh(at(62));
        assert_eq!(next(&mut limiter, at(62)), Span::from_millis(100));
    }
}
