//! Accounts: what sources log in to.

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

    /// All names, by number.
    pub(super) fn into_names(self) -> Vec<String> {
        self.0
    }
}

/// As much as a client can say of itself in one line of AUTH.
const NAME_MAX: usize = 255;
