//! Providers: profiles with what the scenario changes in them, their names, domains and shares of the recipients.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::files::NamedFiles;
use super::names::{Unique, at_most, domain};
use crate::diagnostic::{Document, did_you_mean, nearest};
use crate::provider::profile::{self, Overlay};
use crate::provider::{Policy, ServedDomains};
use crate::scenario::model::Domain;
use crate::scenario::spec::{ProviderSpec, ScenarioSpec};
use crate::spanned::{Checker, FileKind, Spanned, Step, Tree, at, listed};
use crate::units::{DomainId, ProviderId};

/// All providers of a scenario.
pub(super) struct Providers {
    /// Their names, also of those that are wrong.
    pub(super) names: Vec<String>,
    /// Whether one of them is wrong and would have had its profile's name.
    nameless: bool,
    /// Their policies; `None` where one is wrong.
    pub(super) policies: Vec<Option<Policy>>,
    /// All recipient domains.
    pub(super) domains: Vec<Domain>,
    /// The weight of every domain among all recipients.
    pub(super) weights: Vec<(DomainId, f64)>,
}

impl Providers {
    /// The place of the provider `name`; says so if there is none, unless that may be because of another mistake.
    pub(super) fn find(&self, name: &Spanned<String>, check: &mut Checker<'_>) -> Option<usize> {
        let mut places = self.names.iter().enumerate().filter(|(_, known)| **known == name.value);
        let place = places.next().map(|(place, _)| place);
        if place.is_none() && !self.nameless {
            let known: Vec<&str> = self.names.iter().map(String::as_str).collect();
            check.unknown("provider", name, &known);
        }
        place.filter(|_| places.next().is_none())
    }
}

/// The providers of `spec`.
pub(super) fn build<'a>(
    spec: &ScenarioSpec,
    scenario: &Tree<'a>,
    files: &mut NamedFiles<'_>,
    check: &mut Checker<'a>,
) -> Providers {
    if spec.provider.is_empty() {
        let help = "add one:\n[[provider]]\nprofile = \"charter\"";
        check.lacking(&(0..0), "the scenario has no providers", help);
    }
    let mut names = Unique::new("provider");
    let mut nameless = false;
    let mut policies = Vec::new();
    let mut shares = Vec::new();
    let mut all_domains = Domains::default();
    for (index, provider) in at_most(PROVIDERS_MAX, "providers", &spec.provider, check).iter().enumerate() {
        let policy = policy(provider, scenario, files, check);
        let name = match (&provider.name, &policy) {
            (Some(name), _) => {
                check.identifier("provider", name);
                name.clone()
            }
            (None, Some(policy)) => provider.profile.with(policy.name.clone()),
            (None, None) => {
                nameless = true;
                provider.profile.clone()
            }
        };
        names.add(&name, "give one of them a `name` of its own", check);
        let share = provider.share.as_ref().map_or(1.0, |share| check.not_negative(share));
        shares.push(share);
        let domains = match &policy {
            Some(policy) => all_domains.add(provider, policy, index, share, check),
            None => Vec::new(),
        };
        policies.push(policy.map(|policy| Policy { name: name.value, domains: ServedDomains::new(domains), ..policy }));
    }
    if !shares.is_empty() && shares.iter().all(|share| *share == 0.0) {
        let place =
            spec.provider.iter().find_map(|provider| provider.share.as_ref()).map_or(0..0, |at| at.span.clone());
        check.wrong_do(&place, "all providers have a share of 0: nobody gets mail", "write a share above 0");
    }
    if all_domains.list.len() > DOMAINS_MAX {
        check.wrong(&(0..0), format!("a scenario has at most {DOMAINS_MAX} domains"));
    }
    Providers { names: names.all(), nameless, policies, domains: all_domains.list, weights: all_domains.weights }
}

/// The policy of one provider, with what the scenario sets in it.
fn policy<'a>(
    provider: &Spanned<ProviderSpec>,
    scenario: &Tree<'a>,
    files: &mut NamedFiles<'_>,
    check: &mut Checker<'a>,
) -> Option<Policy> {
    let document = document(&provider.profile, files, check)?;
    let set =
        set_in(scenario, provider).map(|tree| Overlay { source_map: check.source_map().clone(), tree: tree.clone() });
    match profile::parse_with(&document, set.as_slice()) {
        Ok(policy) => Some(policy),
        Err(found) => {
            check.add(found);
            None
        }
    }
}

/// What a provider's `set` says.
fn set_in<'t, 'a>(scenario: &'t Tree<'a>, provider: &Spanned<ProviderSpec>) -> Option<&'t Tree<'a>> {
    let DeValue::Array(providers) = at(scenario, &[Step::Key("provider".to_owned())])?.get_ref() else { return None };
    let tree = providers.iter().find(|tree| tree.span() == provider.span)?;
    at(tree, &[Step::Key("set".to_owned())])
}

/// A profile of the scenario's own, or a built-in one.
fn document(name: &Spanned<String>, files: &mut NamedFiles<'_>, check: &mut Checker<'_>) -> Option<Document> {
    if is_toml(name) {
        let (_, document) = files.read(name, check)?;
        if FileKind::of_document(&document) == Some(FileKind::Scenario) {
            let help =
                "name a built-in profile, or a profile of your own: `mxlab profiles show charter --toml` prints one";
            check.wrong_do(&name.span, format!("`{}` is a scenario, not a profile", name.value), help);
            return None;
        }
        return Some(document);
    }
    let Some(document) = profile::built_in(name) else {
        let all = || format!("there is {}; a profile of your own is a path that ends in .toml", listed(profile::NAMES));
        let help = nearest(name, profile::NAMES.iter().copied()).map_or_else(all, did_you_mean);
        check.wrong_do(&name.span, format!("there is no profile `{}`", name.value), help);
        return None;
    };
    files.count_in(&document);
    Some(document)
}

fn is_toml(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

/// Recipient domains: each belongs to one provider.
#[derive(Default)]
struct Domains {
    list: Vec<Domain>,
    weights: Vec<(DomainId, f64)>,
    owners: BTreeMap<String, usize>,
}

impl Domains {
    /// Adds the domains of provider number `index`, which gets `share` of the recipients; gives their names.
    fn add(
        &mut self,
        provider: &ProviderSpec,
        policy: &Policy,
        index: usize,
        share: f64,
        check: &mut Checker<'_>,
    ) -> Vec<String> {
        let weighted: Vec<(Spanned<String>, f64)> = match &provider.domains {
            Some(written) => written
                .iter()
                .map(|(name, weight)| (name.with(domain(name, check)), check.not_negative(weight)))
                .collect(),
            None => policy.domains.names().map(|name| (provider.profile.with(name.to_owned()), 1.0)).collect(),
        };
        let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
        if let Some(written) = &provider.domains {
            if weighted.is_empty() {
                check.wrong(&written.span, "a provider has at least one domain");
            } else if total <= 0.0 {
                check.wrong_do(&written.span, "all domains have weight 0: nobody gets mail", "write a weight above 0");
            }
        }
        if provider.domains.is_none() && weighted.is_empty() {
            let message = format!("`{}` serves whatever domain there is, and names none to write to", policy.name);
            check.wrong_do(&provider.profile.span, message, "name some here, such as domains = { \"a.example\" = 1 }");
        }
        for (name, weight) in &weighted {
            // No more are numbered than there are numbers for.
            if self.list.len() > DOMAINS_MAX {
                break;
            }
            if let Some(owner) = self.owners.insert(name.value.clone(), index) {
                let message = format!("`{}` already belongs to provider number {}", name.value, owner + 1);
                let help = if provider.domains.is_some() {
                    "a domain has one provider; take it out of one of them"
                } else {
                    "give one of the two domains of its own, such as domains = { \"b.example\" = 1 }"
                };
                check.wrong_do(&name.span, message, help);
                // One complaint about a profile used twice is enough.
                if provider.domains.is_none() {
                    break;
                }
            }
            let id = DomainId::from_index(self.list.len());
            let owner = ProviderId::from_index(index);
            self.list.push(Domain { name: name.value.clone(), provider: owner });
            self.weights.push((id, if total > 0.0 { share * weight / total } else { 0.0 }));
        }
        weighted.into_iter().map(|(name, _)| name.value).collect()
    }
}

/// More than anyone sends to, and within [`ProviderId`].
const PROVIDERS_MAX: usize = 1_000;
/// As many as [`DomainId`] can tell apart.
const DOMAINS_MAX: usize = 65_535;
