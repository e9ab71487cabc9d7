//! A observer: sees every word that passes between a world and its two machines, and changes none.
//!
//! The machines know nothing of it. A world keeps each of them in a [`Observed`], which hands every call on and tells
//! the observer if there is one; without one, that is a look at an empty place. Checkers and traces are witnesses.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

use crate::provider::{Envelope, PolicyChange, Provider, Recipient, Verdict};
use crate::sender::{Action, AttemptResult, Event, Foresight, Sender};
use crate::time::Time;
use crate::units::{ClientId, ProviderId, SenderDomainId, SessionId};

/// Sees every word that passes between a world and its two machines, in the order in which they pass.
pub trait Observer {
    /// The sender is told what happened.
    fn sender_event(&mut self, now: Time, event: &Event<'_>);
    /// The sender wants something done.
    fn sender_action(&mut self, now: Time, action: &Action);
    /// The sender reports that an attempt is over, or that mail is given up.
    fn attempt_result(&mut self, now: Time, settled: &AttemptResult);
    /// A provider is about to be told something, and stands as it did before.
    fn before_call(&mut self, now: Time, site: ProviderId, provider: &Provider, command: &ProviderCall<'_>);
    /// A provider was told something, and stands as it does after that.
    fn after_call(
        &mut self,
        now: Time,
        site: ProviderId,
        provider: &Provider,
        command: &ProviderCall<'_>,
        answer: CallResult,
    );
}

/// What a provider is told.
#[derive(Clone, Copy, Debug)]
pub enum ProviderCall<'a> {
    /// A client connects.
    Connect(ClientId),
    /// EHLO.
    Ehlo(SessionId),
    /// MAIL.
    Mail(SessionId, Envelope),
    /// RCPT.
    Rcpt(SessionId, Recipient),
    /// DATA.
    Data(SessionId),
    /// The dot.
    EndOfData(SessionId),
    /// The transaction is given up.
    Abort(SessionId),
    /// The session is over.
    Close(SessionId),
    /// A recipient complains.
    Complain(ClientId, SenderDomainId),
    /// An administrator changes something.
    Amend(&'a PolicyChange),
}

/// What a provider answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallResult {
    /// A verdict.
    Verdict(Verdict),
    /// A verdict on a client that connects, and its session if it is let in.
    Session(Option<SessionId>, Verdict),
    /// Nothing.
    Nothing,
}

/// A observer and the time; one for all machines of a world.
pub(super) struct ObserverHandle {
    /// The world's time, for what a provider is told without one.
    pub(super) now: Cell<Time>,
    observer: Rc<RefCell<dyn Observer>>,
}

impl ObserverHandle {
    pub(super) fn new(observer: Rc<RefCell<dyn Observer>>) -> Rc<Self> {
        Rc::new(Self { now: Cell::new(Time::ZERO), observer })
    }
}

/// A machine that is perhaps watched. Who only looks at it goes past the observer.
pub(super) struct Observed<M> {
    machine: M,
    /// Which provider it is; nothing for the sender.
    site: ProviderId,
    watch: Option<Rc<ObserverHandle>>,
}

impl<M> Deref for Observed<M> {
    type Target = M;
    fn deref(&self) -> &M {
        &self.machine
    }
}

impl<M> Observed<M> {
    pub(super) const fn new(machine: M, site: ProviderId, watch: Option<Rc<ObserverHandle>>) -> Self {
        Self { machine, site, watch }
    }
}

impl Observed<Sender> {
    pub(super) fn handle(&mut self, now: Time, event: Event<'_>) {
        if let Some(watch) = &self.watch {
            watch.observer.borrow_mut().sender_event(now, &event);
        }
        self.machine.handle(now, event);
    }

    pub(super) fn poll(&mut self, now: Time, foresight: Option<&dyn Foresight>) -> Option<Action> {
        let action = self.machine.poll(now, foresight);
        if let (Some(watch), Some(action)) = (&self.watch, &action) {
            watch.observer.borrow_mut().sender_action(now, action);
        }
        action
    }

    #[inline]
    pub(super) fn settled(&mut self, now: Time, mut note: impl FnMut(&AttemptResult)) {
        self.machine.drain_results(|settled| {
            if let Some(watch) = &self.watch {
                watch.observer.borrow_mut().attempt_result(now, settled);
            }
            note(settled);
        });
    }

    pub(super) fn finish(&mut self, now: Time) {
        self.machine.finish(now);
    }
}

/// The provider's own calls; see there for what they do.
impl Observed<Provider> {
    pub(super) fn connect(&mut self, now: Time, client: ClientId) -> (Option<SessionId>, Verdict) {
        let answer = |(session, verdict)| CallResult::Session(session, verdict);
        self.call(Some(now), || ProviderCall::Connect(client), answer, |provider| provider.connect(now, client))
    }

    pub(super) fn ehlo(&mut self, now: Time, session: SessionId) -> Verdict {
        self.call(
            Some(now),
            || ProviderCall::Ehlo(session),
            CallResult::Verdict,
            |provider| provider.ehlo(now, session),
        )
    }

    pub(super) fn mail(&mut self, now: Time, session: SessionId, envelope: Envelope) -> Verdict {
        let command = || ProviderCall::Mail(session, envelope);
        self.call(Some(now), command, CallResult::Verdict, |provider| provider.mail(now, session, envelope))
    }

    pub(super) fn rcpt(&mut self, now: Time, session: SessionId, recipient: Recipient) -> Verdict {
        let command = || ProviderCall::Rcpt(session, recipient);
        self.call(Some(now), command, CallResult::Verdict, |provider| provider.rcpt(now, session, recipient))
    }

    pub(super) fn data(&mut self, now: Time, session: SessionId) -> Verdict {
        self.call(
            Some(now),
            || ProviderCall::Data(session),
            CallResult::Verdict,
            |provider| provider.data(now, session),
        )
    }

    pub(super) fn end_of_data(&mut self, now: Time, session: SessionId) -> Verdict {
        let command = || ProviderCall::EndOfData(session);
        self.call(Some(now), command, CallResult::Verdict, |provider| provider.end_of_data(now, session))
    }

    pub(super) fn abort(&mut self, session: SessionId) {
        self.call(None, || ProviderCall::Abort(session), |()| CallResult::Nothing, |provider| provider.abort(session));
    }

    pub(super) fn close(&mut self, session: SessionId) {
        self.call(None, || ProviderCall::Close(session), |()| CallResult::Nothing, |provider| provider.close(session));
    }

    pub(super) fn complain(&mut self, now: Time, client: ClientId, sender: SenderDomainId) {
        let command = || ProviderCall::Complain(client, sender);
        self.call(Some(now), command, |()| CallResult::Nothing, |provider| provider.complain(now, client, sender));
    }

    pub(super) fn apply(&mut self, change: &PolicyChange) {
        self.call(None, || ProviderCall::Amend(change), |()| CallResult::Nothing, |provider| provider.apply(change));
    }

    /// Hands a call on. Only a observer wants to hear of it.
    #[inline]
    fn call<'a, T: Copy>(
        &mut self,
        now: Option<Time>,
        command: impl FnOnce() -> ProviderCall<'a>,
        answer: impl FnOnce(T) -> CallResult,
        call: impl FnOnce(&mut Provider) -> T,
    ) -> T {
        if self.watch.is_some() { self.call_watched(now, command, answer, call) } else { call(&mut self.machine) }
    }

    #[cold]
    fn call_watched<'a, T: Copy>(
        &mut self,
        now: Option<Time>,
        command: impl FnOnce() -> ProviderCall<'a>,
        answer: impl FnOnce(T) -> CallResult,
        call: impl FnOnce(&mut Provider) -> T,
    ) -> T {
        let Some(watch) = &self.watch else { return call(&mut self.machine) };
        let (now, command) = (now.unwrap_or(watch.now.get()), command());
        watch.observer.borrow_mut().before_call(now, self.site, &self.machine, &command);
        let result = call(&mut self.machine);
        watch.observer.borrow_mut().after_call(now, self.site, &self.machine, &command, answer(result));
        result
    }
}
