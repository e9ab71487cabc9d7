//! From the words of the two machines into those of the record.

use crate::provider::{Policy, Provider, Refusal, RuleAction, RuleKind};
use crate::record::{
    Attempt, AttemptOutcome, ClosingAccount, ProviderFacts, ProviderInfo, ProviderSample, Recorder, RefusingReply,
    ReplyFacts, Response, RuleActivity, SenderAccount, StrategyInfo, WindowSum,
};
use crate::sender::{AttemptResult, Outcome, RecipientResult, SiteCounts, Strategy};
use crate::smtp::{Reply, Stage};
use crate::time::Time;
use crate::units::{ClientId, Fraction, ProviderId, RuleId};

/// What a record needs to know of a provider.
pub fn provider_facts(policy: &Policy) -> ProviderFacts {
    let for_limit = limit_replies(policy);
    let reply = |(reply, for_limit): (&Reply, bool)| ReplyFacts { text: reply.to_string(), for_limit };
    ProviderFacts {
        name: policy.name.clone(),
        replies: policy.replies.iter().zip(for_limit).map(reply).collect(),
        rules: policy.rules.iter().map(|rule| rule.name.clone()).collect(),
    }
}

/// A provider of a run, as its record names it.
pub fn provider_info(policy: &Policy) -> ProviderInfo {
    ProviderInfo { name: policy.name.clone(), title: policy.title.clone() }
}

/// A strategy of a run, as its record names it; `bound` if it is only there as the upper bound.
pub fn strategy_info(strategy: &Strategy, bound: bool) -> StrategyInfo {
    StrategyInfo { name: strategy.name.clone(), about: strategy.about.clone(), bound }
}

/// Which replies speak for a limit or a hold.
fn limit_replies(policy: &Policy) -> Vec<bool> {
    let mut limits = vec![false; policy.replies.len()];
    for rule in &policy.rules {
        let own = matches!(rule.kind, RuleKind::Limit(_)).then_some(rule.action);
        let held = rule.hold.iter().flat_map(|hold| hold.ladder.iter().map(|step| step.action));
        for answer in own.into_iter().chain(held) {
            if let RuleAction::Reply { reply, .. } = answer {
                limits[reply.index()] = true;
            }
        }
    }
    limits
}

/// Records that a rule refuses an attempt of so many recipients.
#[inline]
pub fn record_refusal(
    recorder: &mut Recorder,
    now: Time,
    site: ProviderId,
    stage: Stage,
    refusal: Refusal,
    recipients: u64,
) {
    recorder.attempt_refused(now, site, stage, Some(refusal.rule), response(refusal.action), recipients);
}

/// How a rule's action looks from outside.
#[inline]
pub const fn response(action: RuleAction) -> Response {
    match action {
        RuleAction::Reply { reply, close } => Response::Reply { reply, closes: close },
        RuleAction::Drop | RuleAction::Tarpit(_) => Response::Closed,
    }
}

/// An attempt that the sender reports.
#[inline]
pub(super) const fn attempt(result: &AttemptResult) -> Attempt {
    Attempt {
        site: result.site,
        first: result.delivery.first,
        recipients: result.delivery.count,
        outcome: match result.outcome {
            Outcome::Delivered => AttemptOutcome::Delivered,
            Outcome::Deferred => AttemptOutcome::Deferred,
            Outcome::Failed => AttemptOutcome::Failed,
            Outcome::Bounced => AttemptOutcome::Bounced,
            Outcome::Unsent => AttemptOutcome::Unsent,
            Outcome::PutOff => AttemptOutcome::PutOff,
        },
        reply: match result.result {
            RecipientResult::Refused(stage, reply) => Some(RefusingReply { stage, reply }),
            RecipientResult::Accepted | RecipientResult::NoReply(_) => None,
        },
        expired: result.expired,
    }
}

/// The sender's own account of a site.
pub(super) const fn sender_account(counts: SiteCounts) -> SenderAccount {
    SenderAccount {
        injected: counts.injected,
        delivered: counts.delivered,
        bounced: counts.bounced,
        expired: counts.expired,
        queued: counts.queued(),
        held_back_us: counts.held_back_us,
        put_off: counts.put_off,
        window: WindowSum { times: counts.window.times, sum: counts.window.sum },
    }
}

/// What a trial ends with at a provider that says what its rules did until `now`.
pub fn closing_account(sender: SenderAccount, provider: &Provider, now: Time) -> ClosingAccount {
    let rules = (0..).map(RuleId).zip(&provider.policy().rules);
    let mut account = ClosingAccount { sender, ..ClosingAccount::default() };
    for (id, rule) in rules {
        let activity = provider.activity(id, now);
        account.hold_us += activity.held.as_micros();
        account.rules.push(RuleActivity {
            rule: rule.name.clone(),
            refused: activity.refused,
            holds: activity.holds,
            limits: activity.limits,
        });
    }
    account
}

/// The state of a provider for these clients.
pub fn provider_sample(provider: &Provider, now: Time, clients: impl Iterator<Item = ClientId>) -> ProviderSample {
    let (mut reputation, mut open_limit) = (None::<Fraction>, Some(0));
    for client in clients {
        let own = provider.reputation(now, client);
        reputation = Some(reputation.filter(|lowest| *lowest <= own).unwrap_or(own));
        open_limit =
            open_limit.zip(provider.open_connection_limit(now, client)).map(|(sum, limit)| sum + u64::from(limit));
    }
    ProviderSample { open: provider.open_sessions(), reputation, open_limit }
}
