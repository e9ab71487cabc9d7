//! An observer sees every event, action and call that passes between a world and its two machines, and changes none.
//!
//! The machines know nothing of it. The world itself shows the observer what passes between it and the sender. It keeps
//! each provider in an [`ObservedProvider`], which hands every call on and shows it to the observer if there is one;
//! without one, that costs a look at an empty place. Checkers and traces are observers.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

use crate::provider::{Envelope, PolicyChange, Provider, Recipient, Verdict};
use crate::sender::{Action, AttemptResult, Event};
use crate::time::Time;
use crate::units::{AccountId, ClientId, HostId, ProviderId, SenderDomainId, SessionId};

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
    /// A client connects to an MX host.
    Connect(ClientId, HostId),
    /// It logs in to an account.
    LogIn(SessionId, AccountId),
    /// A client says EHLO.
    Ehlo(SessionId),
    /// It begins a transaction (MAIL).
    Mail(SessionId, Envelope),
    /// It names a recipient (RCPT).
    Rcpt(SessionId, Recipient),
    /// It asks to send the message (DATA).
    Data(SessionId),
    /// It has sent the message.
    EndOfData(SessionId),
    /// It has said nothing for as long as it may.
    IdleExpired(SessionId),
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
    /// A verdict on a command.
    Verdict(Verdict),
    /// A verdict on a client that connects, and its session if it is let in.
    Session(Option<SessionId>, Verdict),
    /// Nothing: the call has no answer.
    Nothing,
}

/// An observer to whom all machines of a world are shown.
pub(super) type SharedObserver = Rc<RefCell<dyn Observer>>;

/// A provider that may be observed. Reading its state is not shown to the observer.
pub(super) struct ObservedProvider {
    provider: Provider,
    site: ProviderId,
    observer: Option<SharedObserver>,
}

impl Deref for ObservedProvider {
    type Target = Provider;
    fn deref(&self) -> &Provider {
        &self.provider
    }
}

/// The provider's own calls; see there for what they do.
impl ObservedProvider {
    pub(super) const fn new(provider: Provider, site: ProviderId, observer: Option<SharedObserver>) -> Self {
        Self { provider, site, observer }
    }

    pub(super) fn connect_to(&mut self, now: Time, client: ClientId, host: HostId) -> (Option<SessionId>, Verdict) {
        let result = |(session, verdict)| CallResult::Session(session, verdict);
        let call = || ProviderCall::Connect(client, host);
        self.call(now, call, result, |provider| provider.connect_to(now, client, host))
    }

    pub(super) fn log_in(&mut self, now: Time, session: SessionId, account: AccountId) {
        self.tell(now, || ProviderCall::LogIn(session, account), |provider| provider.log_in(session, account));
    }

    pub(super) fn ehlo(&mut self, now: Time, session: SessionId) -> Verdict {
        self.judge(now, || ProviderCall::Ehlo(session), |provider| provider.ehlo(now, session))
    }

    pub(super) fn mail(&mut self, now: Time, session: SessionId, envelope: Envelope) -> Verdict {
        self.judge(now, || ProviderCall::Mail(session, envelope), |provider| provider.mail(now, session, envelope))
    }

    pub(super) fn rcpt(&mut self, now: Time, session: SessionId, recipient: Recipient) -> Verdict {
        self.judge(now, || ProviderCall::Rcpt(session, recipient), |provider| provider.rcpt(now, session, recipient))
    }

    pub(super) fn data(&mut self, now: Time, session: SessionId) -> Verdict {
        self.judge(now, || ProviderCall::Data(session), |provider| provider.data(now, session))
    }

    pub(super) fn end_of_data(&mut self, now: Time, session: SessionId) -> Verdict {
        self.judge(now, || ProviderCall::EndOfData(session), |provider| provider.end_of_data(now, session))
    }

    pub(super) fn idle_expired(&mut self, now: Time, session: SessionId) -> Verdict {
        self.judge(now, || ProviderCall::IdleExpired(session), |provider| provider.idle_expired(now, session))
    }

    pub(super) fn abort(&mut self, now: Time, session: SessionId) {
        self.tell(now, || ProviderCall::Abort(session), |provider| provider.abort(session));
    }

    pub(super) fn close(&mut self, now: Time, session: SessionId) {
        self.tell(now, || ProviderCall::Close(session), |provider| provider.close(session));
    }

    pub(super) fn complain(&mut self, now: Time, client: ClientId, sender: SenderDomainId) {
        let call = || ProviderCall::Complain(client, sender);
        self.tell(now, call, |provider| provider.complain(now, client, sender));
    }

    pub(super) fn apply(&mut self, now: Time, change: &PolicyChange) {
        self.tell(now, || ProviderCall::ChangePolicy(change), |provider| provider.apply(now, change));
    }

    /// A call that is answered with a verdict.
    #[inline]
    fn judge<'a>(
        &mut self,
        now: Time,
        call: impl FnOnce() -> ProviderCall<'a>,
        perform: impl FnOnce(&mut Provider) -> Verdict,
    ) -> Verdict {
        self.call(now, call, CallResult::Verdict, perform)
    }

    /// A call that is not answered.
    #[inline]
    fn tell<'a>(&mut self, now: Time, call: impl FnOnce() -> ProviderCall<'a>, perform: impl FnOnce(&mut Provider)) {
        self.call(now, call, |()| CallResult::Nothing, perform);
    }

    /// Hands a call on. Only an observer makes it cost anything.
    #[inline]
    fn call<'a, T: Copy>(
        &mut self,
        now: Time,
        call: impl FnOnce() -> ProviderCall<'a>,
        result: impl FnOnce(T) -> CallResult,
        perform: impl FnOnce(&mut Provider) -> T,
    ) -> T {
        let Some(observer) = &self.observer else { return perform(&mut self.provider) };
        let call = call();
        observer.borrow_mut().before_call(now, self.site, &self.provider, &call);
        let returned = perform(&mut self.provider);
        observer.borrow_mut().after_call(now, self.site, &self.provider, &call, result(returned));
        returned
    }
}
