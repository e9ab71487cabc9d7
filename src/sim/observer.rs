//! An observer sees every event, action and call that passes between a world and its two machines, and changes none.
//!
//! The machines know nothing of it. A world keeps each of them in an [`Observed`], which hands every call on and shows
//! it to the observer if there is one; without one, that costs a look at an empty place. Checkers and traces are
//! observers.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

use crate::provider::{Envelope, PolicyChange, Provider, Recipient, Verdict};
use crate::sender::{Action, AttemptResult, Event, Foresight, Sender};
use crate::time::Time;
use crate::units::{ClientId, ProviderId, SenderDomainId, SessionId};

/// Is shown everything that passes between a world and its two machines, in the order in which it passes.
pub trait Observer {
    /// The sender is told what happened.
    fn sender_event(&mut self, now: Time, event: &Event<'_>);
    /// The sender wants something done.
    fn sender_action(&mut self, now: Time, action: &Action);
    /// The sender reports that an attempt is over, or that mail is given up.
    fn attempt_result(&mut self, now: Time, result: &AttemptResult);
    /// A provider is about to be called, and is in the state before the call.
    fn before_call(&mut self, now: Time, site: ProviderId, provider: &Provider, call: &ProviderCall<'_>);
    /// A provider was called, and is in the state after the call.
    fn after_call(
        &mut self,
        now: Time,
        site: ProviderId,
        provider: &Provider,
        call: &ProviderCall<'_>,
        result: CallResult,
    );
}

/// A call of a provider.
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
    /// End of data.
    EndOfData(SessionId),
    /// The transaction is given up.
    Abort(SessionId),
    /// The session is over.
    Close(SessionId),
    /// A recipient complains.
    Complain(ClientId, SenderDomainId),
    /// The policy changes.
    ChangePolicy(&'a PolicyChange),
}

/// What a provider returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallResult {
    /// A verdict.
    Verdict(Verdict),
    /// A verdict on a client that connects, and its session if it is let in.
    Session(Option<SessionId>, Verdict),
    /// Nothing.
    Nothing,
}

/// An observer and the time; one for all machines of a world.
pub(super) struct ObserverHandle {
    /// The world's time, for calls that carry none.
    pub(super) now: Cell<Time>,
    observer: Rc<RefCell<dyn Observer>>,
}

impl ObserverHandle {
    pub(super) fn new(observer: Rc<RefCell<dyn Observer>>) -> Rc<Self> {
        Rc::new(Self { now: Cell::new(Time::ZERO), observer })
    }
}

/// A machine that may be observed. Reading its state is not shown to the observer.
pub(super) struct Observed<M> {
    machine: M,
    /// Which provider it is; means nothing for the sender.
    site: ProviderId,
    observer: Option<Rc<ObserverHandle>>,
}

impl<M> Deref for Observed<M> {
    type Target = M;
    fn deref(&self) -> &M {
        &self.machine
    }
}

impl<M> Observed<M> {
    pub(super) const fn new(machine: M, site: ProviderId, observer: Option<Rc<ObserverHandle>>) -> Self {
        Self { machine, site, observer }
    }
}

impl Observed<Sender> {
    pub(super) fn handle(&mut self, now: Time, event: Event<'_>) {
        if let Some(observer) = &self.observer {
            observer.observer.borrow_mut().sender_event(now, &event);
        }
        self.machine.handle(now, event);
    }

    pub(super) fn poll(&mut self, now: Time, foresight: Option<&dyn Foresight>) -> Option<Action> {
        let action = self.machine.poll(now, foresight);
        if let (Some(observer), Some(action)) = (&self.observer, &action) {
            observer.observer.borrow_mut().sender_action(now, action);
        }
        action
    }

    #[inline]
    pub(super) fn drain_results(&mut self, now: Time, mut note: impl FnMut(&AttemptResult)) {
        self.machine.drain_results(|result| {
            if let Some(observer) = &self.observer {
                observer.observer.borrow_mut().attempt_result(now, result);
            }
            note(result);
        });
    }

    pub(super) fn finish(&mut self, now: Time) {
        self.machine.finish(now);
    }
}

/// The provider's own calls; see there for what they do.
impl Observed<Provider> {
    pub(super) fn connect(&mut self, now: Time, client: ClientId) -> (Option<SessionId>, Verdict) {
        let result = |(session, verdict)| CallResult::Session(session, verdict);
        self.call(Some(now), || ProviderCall::Connect(client), result, |provider| provider.connect(now, client))
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
        let call = || ProviderCall::Mail(session, envelope);
        self.call(Some(now), call, CallResult::Verdict, |provider| provider.mail(now, session, envelope))
    }

    pub(super) fn rcpt(&mut self, now: Time, session: SessionId, recipient: Recipient) -> Verdict {
        let call = || ProviderCall::Rcpt(session, recipient);
        self.call(Some(now), call, CallResult::Verdict, |provider| provider.rcpt(now, session, recipient))
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
        let call = || ProviderCall::EndOfData(session);
        self.call(Some(now), call, CallResult::Verdict, |provider| provider.end_of_data(now, session))
    }

    pub(super) fn abort(&mut self, session: SessionId) {
        self.call(None, || ProviderCall::Abort(session), |()| CallResult::Nothing, |provider| provider.abort(session));
    }

    pub(super) fn close(&mut self, session: SessionId) {
        self.call(None, || ProviderCall::Close(session), |()| CallResult::Nothing, |provider| provider.close(session));
    }

    pub(super) fn complain(&mut self, now: Time, client: ClientId, sender: SenderDomainId) {
        let call = || ProviderCall::Complain(client, sender);
        self.call(Some(now), call, |()| CallResult::Nothing, |provider| provider.complain(now, client, sender));
    }

    pub(super) fn apply(&mut self, change: &PolicyChange) {
        self.call(
            None,
            || ProviderCall::ChangePolicy(change),
            |()| CallResult::Nothing,
            |provider| provider.apply(change),
        );
    }

    /// Hands a call on. Only an observer makes it cost anything.
    #[inline]
    fn call<'a, T: Copy>(
        &mut self,
        now: Option<Time>,
        call: impl FnOnce() -> ProviderCall<'a>,
        result: impl FnOnce(T) -> CallResult,
        perform: impl FnOnce(&mut Provider) -> T,
    ) -> T {
        if self.observer.is_some() {
            self.call_observed(now, call, result, perform)
        } else {
            perform(&mut self.machine)
        }
    }

    #[cold]
    fn call_observed<'a, T: Copy>(
        &mut self,
        now: Option<Time>,
        call: impl FnOnce() -> ProviderCall<'a>,
        result: impl FnOnce(T) -> CallResult,
        perform: impl FnOnce(&mut Provider) -> T,
    ) -> T {
        let Some(observer) = &self.observer else { return perform(&mut self.machine) };
        let (now, call) = (now.unwrap_or(observer.now.get()), call());
        observer.observer.borrow_mut().before_call(now, self.site, &self.machine, &call);
        let returned = perform(&mut self.machine);
        observer.observer.borrow_mut().after_call(now, self.site, &self.machine, &call, result(returned));
        returned
    }
}
