//! Providers: profiles with what the scenario changes in them, their names, domains and shares of the recipients.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::Shelf;
use super::names::{Unique, domain};
use crate::diagnostic::Document;
use crate::provider::Policy;
use crate::provider::profile::{self, Change, ProfileError};
use crate::scenario::model::Domain;
use crate::scenario::spec::{ProviderSpec, ScenarioSpec};
use crate::spanned::{Checker, Spanned, listed};
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
pub(super) fn build(spec: &ScenarioSpec, shelf: &mut Shelf<'_>, check: &mut Checker<'_>) -> Providers {
    if spec.provider.is_empty() {
        let help = "add one:\n[[provider]]\nprofile = \"charter\"";
        check.wrong_do(&(0..0), "the scenario has no providers", help);
    }
    let mut names = Unique::new("provider");
    let mut nameless = false;
    let mut policies = Vec::new();
    let mut shares = Vec::new();
    let mut book = Domains::default();
    let places = set_places(check.document, spec.provider.len());
    for (index, (provider, places)) in spec.provider.iter().zip(places).enumerate() {
        let policy = policy(provider, &places, shelf, check);
        let name = match (&provider.name, &policy) {
            (Some(name), _) => name.clone(),
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
            Some(policy) => book.add(provider, policy, index, share, check),
            None => Vec::new(),
        };
        policies.push(policy.map(|policy| Policy { name: name.value, domains, ..policy }));
    }
    if !shares.is_empty() && shares.iter().all(|share| *share == 0.0) {
        let place =
            spec.provider.iter().find_map(|provider| provider.share.as_ref()).map_or(0..0, |at| at.span.clone());
        check.wrong_do(&place, "all providers have a share of 0: nobody gets mail", "write a share above 0");
    }
    if spec.provider.len() > PROVIDERS_MAX || book.list.len() > DOMAINS_MAX {
        check.wrong(&(0..0), format!("a scenario has at most {PROVIDERS_MAX} providers and {DOMAINS_MAX} domains"));
    }
    Providers { names: names.all(), nameless, policies, domains: book.list, weights: book.weights }
}

/// The policy of one provider, with what the scenario sets in it.
fn policy(
    provider: &ProviderSpec,
    places: &[(Vec<String>, Range<usize>)],
    shelf: &mut Shelf<'_>,
    check: &mut Checker<'_>,
) -> Option<Policy> {
    let document = document(&provider.profile, shelf, check)?;
    let at = |path: &[String]| {
        let (last, way) = path.split_last()?;
        way.iter().try_fold(&provider.set.0, |table, key| table.get(key)?.as_table())?.get(last).cloned()
    };
    let changes: Vec<(Change, &Range<usize>)> = places
        .iter()
        .filter_map(|(path, place)| Some((Change { path: path.clone(), value: at(path)? }, place)))
        .collect();
    let plain: Vec<Change> = changes.iter().map(|(change, _)| change.clone()).collect();
    match profile::parse_with(&document, &plain) {
        Ok(policy) => Some(policy),
        Err(ProfileError::Document(diagnostic)) => {
            check.add([diagnostic]);
            None
        }
        Err(ProfileError::Change { index, message, help }) => {
            let place = changes.get(index).map_or(&provider.profile.span, |(_, place)| place);
            let diagnostic = check.document.wrong(place.clone(), message);
            check.add([match help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            }]);
            None
        }
    }
}

/// A profile of the scenario's own, or a built-in one.
fn document(name: &Spanned<String>, shelf: &mut Shelf<'_>, check: &mut Checker<'_>) -> Option<Document> {
    if is_toml(name) {
        return shelf.read(name, check).map(|(_, document)| document);
    }
    let Some(document) = profile::built_in(name) else {
        let diagnostic = check.document.wrong(name.span.clone(), format!("there is no profile `{}`", name.value));
        let help = match crate::diagnostic::nearest(name, profile::NAMES.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there is {}; a profile of your own is a path that ends in .toml", listed(profile::NAMES)),
        };
        check.add([diagnostic.help(help)]);
        return None;
    };
    shelf.hash.add(&document.text);
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
                .0
                .iter()
                .map(|(name, weight)| (name.with(domain(name, check)), check.not_negative(weight)))
                .collect(),
            None => policy.domains.iter().map(|name| (provider.profile.with(name.to_lowercase()), 1.0)).collect(),
        };
        let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
        if let Some(written) = &provider.domains {
            if weighted.is_empty() {
                check.wrong(&written.span, "a provider has at least one domain");
            } else if total <= 0.0 {
                check.wrong_do(&written.span, "all domains have weight 0: nobody gets mail", "write a weight above 0");
            }
        }
        for (name, weight) in &weighted {
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

/// For each of `providers` the paths of the values under `set`, with their places. An inline table is one value.
fn set_places(document: &Document, providers: usize) -> Vec<Vec<(Vec<String>, Range<usize>)>> {
    let mut places = vec![Vec::new(); providers];
    let Ok(table) = DeTable::parse(&document.text) else { return places };
    let Some(DeValue::Array(tables)) = table.get_ref().get("provider").map(toml::Spanned::get_ref) else {
        return places;
    };
    for (places, provider) in places.iter_mut().zip(tables.iter()) {
        if let Some(DeValue::Table(set)) = provider.get_ref().get("set").map(toml::Spanned::get_ref) {
            leaves(set, &mut Vec::new(), &document.text, places);
        }
    }
    places
}

fn leaves(table: &DeTable<'_>, way: &mut Vec<String>, text: &str, places: &mut Vec<(Vec<String>, Range<usize>)>) {
    for (key, value) in table {
        way.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) if !text.get(value.span()).is_some_and(|text| text.starts_with('{')) => {
                leaves(inner, way, text, places);
            }
            _ => places.push((way.clone(), value.span())),
        }
        way.pop();
    }
}

/// More than anyone sends to, and within [`ProviderId`].
const PROVIDERS_MAX: usize = 1_000;
/// As many as [`DomainId`] can tell apart.
const DOMAINS_MAX: usize = 65_535;
