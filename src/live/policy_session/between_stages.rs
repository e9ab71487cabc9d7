//! What a client does between the stages: nothing for long, commands that do nothing, a login that fails.

use super::{PolicySession, SessionState};
use crate::live::rendered_verdict::RenderedVerdict;
use crate::provider::{Provider, Verdict};
use crate::smtp::{ProtocolError, Stage};
use crate::time::Time;
use crate::units::SessionId;

impl PolicySession {
    /// The client has said nothing for as long as it may; `None` where the provider has no rule about that.
    pub(in crate::live) fn on_idle(&mut self) -> Option<RenderedVerdict> {
        let rendered = self.evaluate_between(Provider::idle_expired);
        (!rendered.is_accepted()).then_some(rendered)
    }

    /// A command that does nothing for a message.
    pub(in crate::live) fn idle_command(&mut self) -> RenderedVerdict {
        self.evaluate_between(Provider::idle_command)
    }

    /// AUTH with a wrong password: refused, in the provider's words where a rule minds how often.
    pub(in crate::live) fn auth_failed(&mut self) -> RenderedVerdict {
        let rendered = self.evaluate_between(Provider::auth_failed);
        match rendered {
            RenderedVerdict::Accept { delay } => {
                RenderedVerdict::Refuse { reply: ProtocolError::Credentials.reply(), close: false, delay }
            }
            refused => refused,
        }
    }

    /// Answers what happens between the stages. It is no attempt to deliver anything, and so is no refused one.
    fn evaluate_between(&mut self, ask: impl FnOnce(&mut Provider, Time, SessionId) -> Verdict) -> RenderedVerdict {
        let Self { cluster, state } = self;
        let (mut shared, now) = (cluster.lock(), cluster.clock.now());
        let Some(session) = state.session else { return RenderedVerdict::DROP };
        let verdict = ask(shared.provider(state.site), now, session);
        let (rendered, refused) = state.fill_in(&mut shared, verdict);
        if let Some(refusal) = refused.filter(|_| shared.events.has_listener()) {
            let policy = shared.providers[state.site.index()].provider.policy();
            let rule = Some(policy.rules[refusal.rule.index()].name.as_str());
            let told = state.told_recipients(&[]);
            let message = state.live_message(&told, state.recipients.len());
            state.emit_refusal(&shared.events, now, state.due(), rule, rendered.reply(), message);
        }
        rendered
    }
}

impl SessionState {
    /// The stage that is due, as far as this session knows.
    const fn due(&self) -> Stage {
        match (self.message > 0, self.helo.is_empty()) {
            (true, _) => Stage::Rcpt,
            (false, false) => Stage::Mail,
            (false, true) => Stage::Ehlo,
        }
    }
}
