//! `mxlab profiles`: the providers that are built in, and what anyone's profile says.

use std::fmt::Write;
use std::path::Path;

use super::{Exit, Failure, output, terminal};
use crate::diagnostic::{Diagnostic, Document, did_you_mean, nearest};
use crate::provider::profile;
use crate::scenario::{TOML_BYTES_MAX, read_text};

/// List provider profiles, or show one with the source of every number.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<ProfilesCommand>,
}

#[derive(clap::Subcommand)]
enum ProfilesCommand {
    /// Names of the built-in profiles, and whom they describe.
    List,
    /// Every rule of a profile in words, with its source and confidence.
    Show {
        /// A built-in profile, or a profile file of your own.
        #[arg(value_name = "NAME_OR_FILE")]
        profile: String,
        /// The profile itself as TOML: a start for one of your own.
        #[arg(long)]
        toml: bool,
    },
}

const EXAMPLES: &str = "\
Examples:
  mxlab profiles
  mxlab profiles show charter
  mxlab profiles show yahoo --toml > my-yahoo.toml
  mxlab profiles show my-yahoo.toml";

pub(super) fn profiles(args: &Args) -> Result<Exit, Failure> {
    let text = match &args.what {
        None | Some(ProfilesCommand::List) => list().map_err(rendered)?,
        Some(ProfilesCommand::Show { profile, toml: true }) => find(profile)?.text.to_string(),
        Some(ProfilesCommand::Show { profile, toml: false }) => profile::describe(&find(profile)?).map_err(rendered)?,
    };
    output::print(text)?;
    Ok(Exit::Met)
}

fn list() -> Result<String, Vec<Diagnostic>> {
    let mut text = String::new();
    for document in profile::NAMES.iter().filter_map(|name| profile::built_in(name)) {
        let policy = profile::parse(&document)?;
        let rules = if policy.rules.len() == 1 { "rule" } else { "rules" };
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{:<12} {} ({} {rules})", policy.name, policy.title, policy.rules.len());
    }
    Ok(text)
}

/// A built-in profile by its name, or a file by its path.
pub(super) fn find(name: &str) -> Result<Document, Failure> {
    if let Some(document) = profile::built_in(name) {
        return Ok(document);
    }
    read_text(Path::new(name), TOML_BYTES_MAX).map(|text| Document::new(name, text)).map_err(|error| {
        let near = nearest(name, profile::NAMES.iter().copied());
        let hint = near.map_or_else(|| format!("built in are {}", profile::NAMES.join(", ")), did_you_mean);
        Failure::input(format_args!(
            "`{name}` is neither a built-in profile nor a file that can be read ({error}); {hint}"
        ))
    })
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
pub(super) fn rendered(found: Vec<Diagnostic>) -> Failure {
    Failure::rendered(terminal::diagnostics(&found))
}
