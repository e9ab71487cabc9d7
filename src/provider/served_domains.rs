//! The recipient domains that a provider serves.

use std::collections::BTreeSet;

/// Names of domains, `*.example` for all names below one, and `*` for every domain: a server that is open, or a gateway
/// that takes mail for whatever its customers point at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServedDomains {
    /// As they are written, in lower case.
    patterns: Vec<String>,
    names: BTreeSet<String>,
    /// Domains whose subdomains are served; they themselves are not.
    parents: BTreeSet<String>,
    is_open: bool,
}

/// Stands for every domain.
pub(super) const EVERY_DOMAIN: &str = "*";
/// Stands before a domain for all names below it.
const BELOW: &str = "*.";

impl ServedDomains {
    /// What these patterns say.
    pub fn new(patterns: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut served = Self::default();
        for pattern in patterns {
            let pattern = pattern.as_ref().to_ascii_lowercase();
            if pattern == EVERY_DOMAIN {
                served.is_open = true;
            } else if let Some(parent) = pattern.strip_prefix(BELOW) {
                served.parents.insert(parent.to_owned());
            } else {
                served.names.insert(pattern.clone());
            }
            served.patterns.push(pattern);
        }
        served
    }

    /// Whether mail for a domain, in any spelling, is for this provider.
    pub fn serves(&self, domain: &str) -> bool {
        // Most clients spell it as the profile does, and need no copy in lower case.
        self.is_open || self.names.contains(domain) || self.serves_lowercase(&domain.to_ascii_lowercase())
    }

    fn serves_lowercase(&self, domain: &str) -> bool {
        let mut above = std::iter::successors(domain.split_once('.'), |(_, rest)| rest.split_once('.'));
        self.names.contains(domain) || above.any(|(_, parent)| self.parents.contains(parent))
    }

    /// Names and patterns, in the order in which they are written.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// The names among them: domains that mail can be written to.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(String::as_str).filter(|pattern| !pattern.contains('*'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_served_in_any_spelling_and_patterns_below_their_domain() {
        let served = ServedDomains::new(["Charter.net", "*.customers.example"]);
        for own in ["charter.net", "CHARTER.NET", "a.customers.example", "b.A.Customers.Example"] {
            assert!(served.serves(own), "{own}");
        }
        for foreign in ["yahoo.com", "mail.charter.net", "customers.example", "xcustomers.example", "net", "", "*"] {
            assert!(!served.serves(foreign), "{foreign}");
        }
        assert_eq!(served.names().collect::<Vec<_>>(), ["charter.net"]);
        assert_eq!(served.patterns(), ["charter.net", "*.customers.example"]);
    }

    #[test]
    fn nothing_is_foreign_to_an_open_server() {
        let served = ServedDomains::new(["*"]);
        assert!(served.serves("yahoo.com") && served.serves("[192.0.2.1]"));
        assert_eq!(served.names().count(), 0);
    }
}
