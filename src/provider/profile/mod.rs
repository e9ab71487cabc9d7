//! Profiles: TOML files that say what a provider's inbound policy is, with a source for every number.
//!
//! `spec` mirrors the file, `build` and `rule` turn it into a [`Policy`] that cannot be wrong, `change` lets a scenario
//! override any value, `show` says it all in words. A person's own file is read exactly like a built-in one.

mod build;
mod change;
mod fault;
mod limit;
mod named;
mod parts;
mod rule;
mod show;
mod spec;
#[cfg(test)]
mod tests;

pub use change::{Change, ProfileError, ceiling, parse_with};
pub use show::{describe, sentence};
pub use spec::ProfileSpec;

use schemars::generate::SchemaSettings;

use crate::diagnostic::{Diagnostic, Document};
use crate::provider::Policy;

/// The JSON Schema (draft 7, which editors of TOML understand) of profile files.
pub fn json_schema() -> serde_json::Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<ProfileSpec>().to_value()
}

/// The built-in profiles, by name.
pub const NAMES: &[&str] = &["open", "charter", "yahoo", "microsoft", "gmail"];

/// A built-in profile.
pub fn built_in(name: &str) -> Option<Document> {
    let text = match name {
        "open" => include_str!("../profiles/open.toml"),
        "charter" => include_str!("../profiles/charter.toml"),
        "yahoo" => include_str!("../profiles/yahoo.toml"),
        "microsoft" => include_str!("../profiles/microsoft.toml"),
        "gmail" => include_str!("../profiles/gmail.toml"),
        _ => return None,
    };
    Some(Document::new(format!("built-in profile {name}"), text))
}

/// The policy that a profile means.
///
/// # Errors
/// The first thing that is wrong with it, at its place.
pub fn parse(document: &Document) -> Result<Policy, Diagnostic> {
    build::policy(&read(document)?).map_err(|fault| fault.in_document(document))
}

fn read(document: &Document) -> Result<ProfileSpec, Diagnostic> {
    toml::from_str(&document.text).map_err(|error| match error.span() {
        // Serde's words for `window = "fixed"`; nobody who writes a profile knows what a variant is.
        Some(span) if error.message().starts_with("invalid type: unit variant") => document
            .wrong(span, "this needs a value of its own")
            .help("write it as a table, such as { fixed = \"1h\" } or { size = \"20MB\" }"),
        _ => document.not_toml(&error),
    })
}
