//! Early talkers: clients that do not wait for the greeting (RFC 5321, section 4.3.1), as programs do that send to
//! everybody and listen to nobody.
//!
//! A provider that looks for them lets every client wait. That is all a simulated sender feels of it: it never talks
//! early. Who talks is known to a world that sees bytes, and it says so while the client waits.

use super::engine::Provider;
use super::policy::{Check, RuleAction, RuleKind};
use super::verdict::{Decision, Refusal, Verdict};
use crate::time::{Span, Time};
use crate::units::{RuleId, SessionId};

impl Provider {
    /// The client of a session talks before the greeting that [`Provider::connect`] has put off. The rules about that
    /// are asked in the order of the profile, and the first refusal wins; refused, the session is over.
    pub fn talks_early(&mut self, now: Time, session: SessionId) -> Verdict {
        let mut verdict = Verdict { decision: Decision::Accept, tarpit: Span::ZERO };
        for rule in 0..self.policy.rules.len() {
            if !(self.policy.rules[rule].enabled
                && matches!(self.policy.rules[rule].kind, RuleKind::Check(Check::EarlyTalker(_))))
            {
                continue;
            }
            self.case(now, session, None).record_violation(rule);
            match self.policy.rules[rule].action {
                RuleAction::Tarpit(span) => verdict.tarpit += span,
                action => {
                    let rule = RuleId::from_index(rule);
                    verdict.decision = Decision::Refuse(Refusal { rule, action });
                    self.close(session);
                    break;
                }
            }
        }
        verdict
    }
}
