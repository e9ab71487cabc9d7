//! Profiles: TOML files that say what a provider's inbound policy is, with a source for every number.
//!
//! `spec` mirrors the file, `build` and `rule` turn it into a [`Policy`] that cannot be wrong, `overlay` lets a
//! scenario set any value before the file is read and `rule_change` change a rule while it runs. `show` says it all in
//! words, `audit` lists the numbers and what they rest on, `compare` puts two profiles beside each other. A person's
//! own file is read exactly like a built-in one.

mod answer;
mod attribution;
mod audit;
mod build;
mod compare;
mod domains;
mod hold;
mod host_name;
mod limit;
mod overlay;
mod reputation;
mod rule;
mod rule_change;
mod show;
mod spec;
#[cfg(test)]
mod tests;
mod time_zone;
mod window;
mod words;

pub use audit::{Audit, ProfileNumber, audit};
pub use compare::{ComparedReplies, ComparedRules, ProfileComparison, compare};
pub use limit::LimitSpec;
pub use overlay::Overlay;
pub use rule_change::{RuleChangeSpec, find_rule, policy_changes, rule_change};
pub use show::describe;
pub use spec::ProfileSpec;
pub use words::{allowance_in_short, limit_in_short, limits_in_short, reasons, sentence};

use schemars::generate::SchemaSettings;

use crate::diagnostic::{Diagnostic, Document};
use crate::provider::Policy;
use crate::spanned::{self, Checker, FileKind};

/// The JSON Schema (draft 7, which editors of TOML understand) of profile files.
pub fn json_schema() -> serde_json::Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<ProfileSpec>().to_value()
}

/// The built-in profiles: their names, and the text of `profiles/NAME.toml`.
macro_rules! built_in_profiles {
    ($($name:literal),+ $(,)?) => {
        /// The built-in profiles, by name.
        pub const NAMES: &[&str] = &[$($name),+];

        /// A built-in profile.
        pub fn built_in(name: &str) -> Option<Document> {
            let text = match name {
                $($name => include_str!(concat!("../profiles/", $name, ".toml")),)+
                _ => return None,
            };
            Some(Document::new(format!("built-in profile {name}"), text))
        }
    };
}

// Providers of mailboxes, gateways before other people's mailboxes, software whose code is public.
built_in_profiles![
    "open",
    "charter",
    "yahoo",
    "microsoft",
    "gmail",
    "charter-2010",
    "bt",
    "godaddy",
    "rackspace",
    "exchange-online",
    "exchange-tenant",
    "google-workspace",
    "comcast",
    "apple",
    "gmx",
    "t-online",
    "free",
    "orange",
    "laposte",
    "sfr",
    "qq",
    "netease",
    "yahoo-japan",
    "att",
    "cox",
    "barracuda",
    "cisco-ironport",
    "mimecast",
    "proofpoint",
    "exim",
    "haraka",
    "mox",
    "postfix",
    "rspamd",
];

/// Those of the built-in profiles that do what software does whose code is public, sensible or not.
pub const SOFTWARE: &[&str] = &["exim", "haraka", "mox", "postfix", "rspamd"];

/// Those that stand for no recipients' provider: one for whatever there is, and a service that mail is submitted to.
const NO_MAILBOXES: &[&str] = &["open", "exchange-tenant"];

/// The built-in profiles of mailbox providers and gateways.
pub fn mailbox_providers() -> impl Iterator<Item = &'static str> {
    NAMES.iter().copied().filter(|name| !NO_MAILBOXES.contains(name) && !SOFTWARE.contains(name))
}

/// The policy that a profile means.
///
/// # Errors
/// Everything that is wrong with it, each mistake at its place.
pub fn parse(document: &Document) -> Result<Policy, Vec<Diagnostic>> {
    parse_with(document, &[])
}

/// The policy that a profile means with other values laid over its own, in their order.
///
/// # Errors
/// Everything that is wrong with the profile or what is laid over it, each mistake where it is written.
pub fn parse_with<'a>(document: &'a Document, overlays: &[Overlay<'a>]) -> Result<Policy, Vec<Diagnostic>> {
    let (spec, check) = read(document, overlays);
    policy(spec.as_ref(), check).map_err(|found| {
        // What is wrong in the profile only now is so because of the overlays.
        let by_overlays = !overlays.is_empty() && parse(document).is_ok();
        let told = |one: Diagnostic| {
            if by_overlays && one.document_name() == document.name { one.label("because of what is set") } else { one }
        };
        found.into_iter().map(told).collect()
    })
}

/// What a profile says, as far as it can be read.
fn read<'a>(document: &'a Document, overlays: &[Overlay<'a>]) -> (Option<ProfileSpec>, Checker<'a>) {
    let mut check = Checker::new(document);
    let spec = spanned::parse(document, 0, &mut check).and_then(|mut tree| {
        if !FileKind::Profile.may_be(&tree, &mut check) {
            return None;
        }
        overlay::apply(&mut tree, overlays, &mut check);
        spanned::read(&tree, &mut check)
    });
    (spec, check)
}

/// What a profile means, if nothing is wrong with it.
fn policy(spec: Option<&ProfileSpec>, mut check: Checker<'_>) -> Result<Policy, Vec<Diagnostic>> {
    let policy = spec.and_then(|spec| build::policy(spec, &mut check));
    check.finish(policy)
}
