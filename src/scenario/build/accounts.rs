//! Accounts: what sources log in to, and what lies behind each.

use super::history;
use crate::provider::History;
use crate::scenario::model::{Account, Source};
use crate::scenario::spec::IdentitySpec;
use crate::spanned::{Checker, Spanned};
use crate::units::AccountId;

/// The accounts that sources name, in the order in which they are named.
#[derive(Default)]
pub(super) struct AccountNames(Vec<String>);

impl AccountNames {
    /// The account that a source names, in any spelling; says so if it is no name.
    pub(super) fn id(&mut self, name: &Spanned<String>, check: &mut Checker<'_>) -> AccountId {
        if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
            let message = format!("`{}` is not the name of an account", name.value.escape_default());
            check.wrong_do(&name.span, message, "write what a client would log in with, such as \"news@a.example\"");
        }
        let place = self.0.iter().position(|known| known.eq_ignore_ascii_case(name)).unwrap_or_else(|| {
            self.0.push(name.value.clone());
            self.0.len() - 1
        });
        AccountId::from_index(place)
    }

    /// The accounts with what lies behind them: what the scenario says, or that the sources that log in to one have
    /// sent by it before.
    pub(super) fn build(
        self,
        specs: &[Spanned<IdentitySpec>],
        sources: &[Source],
        check: &mut Checker<'_>,
    ) -> Vec<Account> {
        let said = history::of_names("account", specs, &self.0, check);
        let of_sources = |place: usize| {
            let using = sources.iter().filter(|source| source.account == Some(AccountId::from_index(place)));
            using.map(|source| source.history).reduce(|one, other| one.with(&other)).unwrap_or(History::NONE)
        };
        let accounts = self.0.into_iter().zip(said).enumerate();
        accounts
            .map(|(place, (name, said))| Account { name, history: said.unwrap_or_else(|| of_sources(place)) })
            .collect()
    }
}

/// As much as a client can say of itself in one line of AUTH.
const NAME_MAX: usize = 255;
