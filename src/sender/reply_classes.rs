//! What refusals mean to a strategy: read once for every reply of every site, so that no text is looked at while mail
//! flows.

use super::strategy::{Disposition, PushBack, SiteAxes};
use crate::smtp::Reply;
use crate::units::ReplyId;

/// What the replies of one site mean.
#[derive(Debug)]
pub(super) struct ReplyClasses(Vec<ReplyClass>);

/// What a refusal means once the strategy has read it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplyClass {
    pub(super) disposition: Disposition,
    /// Whether it is the site that pushes back, and not one mailbox, as far as no rule says more.
    pub(super) pushes_back: bool,
    /// The rule that says what else to do about it.
    pub(super) acting_rule: Option<usize>,
}

impl ReplyClasses {
    pub(super) fn new(replies: &[Reply], axes: &SiteAxes) -> Self {
        Self(replies.iter().map(|reply| ReplyClass::of(reply, axes)).collect())
    }

    /// A reply that no profile lists: servers without one say what they like. It is read as any other, and has the
    /// number that is returned.
    pub(super) fn learn(&mut self, reply: &Reply, axes: &SiteAxes) -> ReplyId {
        self.0.push(ReplyClass::of(reply, axes));
        ReplyId::from_index(self.0.len() - 1)
    }

    pub(super) fn class(&self, reply: ReplyId) -> ReplyClass {
        self.0[reply.index()]
    }
}

impl ReplyClass {
    fn of(reply: &Reply, axes: &SiteAxes) -> Self {
        let reading = &axes.reading;
        let rule = reading.rule_for(reply);
        let disposition = rule.map_or(Disposition::by_code(reply), |rule| reading.rules[rule].disposition);
        // Enhanced codes x.1 and x.2 are about addresses and mailboxes (RFC 3463), not about the sender.
        let about_mailbox = reply.enhanced.is_some_and(|enhanced| matches!(enhanced.subject, 1 | 2));
        let pushes_back =
            disposition == Disposition::Defer && reading.push_back == PushBack::Deferrals && !about_mailbox;
        Self { disposition, pushes_back, acting_rule: rule.filter(|rule| !reading.rules[*rule].actions.is_empty()) }
    }
}
