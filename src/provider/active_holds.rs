//! Who is held, and letting go: what an administrator may look at and undo.
//!
//! A client is held by the rules whose holds are for it: for its IP, its network, or its IP towards some recipient
//! domain. Holds for a sender domain, a recipient or everybody are not its own.

use std::ops::RangeInclusive;

use super::context::SPARSE;
use super::engine::Provider;
use super::hold::HoldRecord;
use super::policy::Scope;
use crate::time::Time;
use crate::units::{ClientId, RuleId};

impl Provider {
    /// The rules that hold a client at `now`, and until when.
    pub fn active_holds(&self, now: Time, client: ClientId) -> Vec<(RuleId, Time)> {
        let held = |(index, keys): (usize, RangeInclusive<u64>)| {
            let holds = self.rules[index].holds.range(keys).map(HoldRecord::until);
            let until = holds.filter(|until| *until > now).max()?;
            Some((RuleId(u16::try_from(index).ok()?), until))
        };
        self.own_holds(client).filter_map(held).collect()
    }

    /// Ends every hold of a client, and forgets what led to it: its next violation is its first. How many holds of
    /// rules ended.
    pub fn release_holds(&mut self, now: Time, client: ClientId) -> usize {
        let own: Vec<_> = self.own_holds(client).collect();
        let mut released = 0;
        for (index, keys) in own {
            let state = &mut self.rules[index];
            for record in state.holds.range_mut(keys) {
                let unserved = record.until().since(now);
                released += usize::from(!unserved.is_zero());
                // It was written down as served when it began.
                state.held = state.held - unserved;
                *record = HoldRecord::default();
            }
        }
        released
    }

    /// The rules whose holds can be a client's, and the keys under which they would be.
    fn own_holds(&self, client: ClientId) -> impl Iterator<Item = (usize, RangeInclusive<u64>)> {
        let ip = u64::from(client.0);
        let network = self.clients.get(client.index()).map(|(client, _)| u64::from(client.network.0));
        self.policy.rules.iter().enumerate().filter_map(move |(index, rule)| {
            let keys = match (rule.hold.as_ref()?, rule.kind.hold_scope()) {
                (_, Scope::ClientIp) => ip..=ip,
                (_, Scope::ClientNetwork) => network?..=network?,
                (_, Scope::ClientIpAndRecipientDomain) => SPARSE | ip << 16..=SPARSE | ip << 16 | 0xffff,
                _ => return None,
            };
            Some((index, keys))
        })
    }
}
