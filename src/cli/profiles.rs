//! `mxlab profiles`: the providers that are built in, and what anyone's profile says.

use std::fmt::Write;
use std::path::Path;

use super::output::OutputFormat;
use super::output_line::{OutputLine, ProfileLine};
use super::{Exit, Failure, comparison_table, output, terminal};
use crate::diagnostic::{Diagnostic, Document, did_you_mean, nearest};
use crate::provider::profile::{self, Audit};
use crate::scenario::{TOML_BYTES_MAX, read_text};

/// List provider profiles, show one with the source of every number, audit or compare them.
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
    /// Every number that the provider did not publish, with what it rests on.
    Audit {
        /// A built-in profile, or a profile file of your own; all that are built in unless said otherwise.
        #[arg(value_name = "NAME_OR_FILE")]
        profile: Option<String>,
        /// What to print.
        #[arg(long, value_enum, default_value_t = OutputFormat::Table)]
        format: OutputFormat,
    },
    /// Two profiles beside each other: limits and checks stage by stage, then replies by what they mean.
    Compare {
        /// A built-in profile, or a profile file of your own.
        #[arg(value_name = "NAME_OR_FILE")]
        first: String,
        /// Another.
        #[arg(value_name = "NAME_OR_FILE")]
        second: String,
        /// What to print.
        #[arg(long, value_enum, default_value_t = OutputFormat::Table)]
        format: OutputFormat,
    },
}

const EXAMPLES: &str = "\
Examples:
  mxlab profiles
  mxlab profiles show charter
  mxlab profiles show yahoo --toml > my-yahoo.toml
  mxlab profiles show my-yahoo.toml
  mxlab profiles audit charter
  mxlab profiles compare yahoo gmail";

pub(super) fn profiles(args: &Args) -> Result<Exit, Failure> {
    let text = match &args.what {
        None | Some(ProfilesCommand::List) => list().map_err(rendered)?,
        Some(ProfilesCommand::Show { profile, toml: true }) => find(profile)?.text.to_string(),
        Some(ProfilesCommand::Show { profile, toml: false }) => profile::describe(&find(profile)?).map_err(rendered)?,
        Some(ProfilesCommand::Audit { profile, format }) => audit(profile.as_deref(), *format)?,
        Some(ProfilesCommand::Compare { first, second, format }) => compare(first, second, *format)?,
    };
    output::print(text)?;
    Ok(Exit::Met)
}

fn list() -> Result<String, Vec<Diagnostic>> {
    let width = profile::NAMES.iter().map(|name| name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for document in profile::NAMES.iter().filter_map(|name| profile::built_in(name)) {
        let policy = profile::parse(&document)?;
        let rules = if policy.rules.len() == 1 { "rule" } else { "rules" };
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{:<width$}  {} ({} {rules})", policy.name, policy.title, policy.rules.len());
    }
    Ok(text)
}

fn audit(profile: Option<&str>, format: OutputFormat) -> Result<String, Failure> {
    let names = profile.map_or_else(|| profile::NAMES.to_vec(), |one| vec![one]);
    let audits = names.into_iter().map(|name| profile::audit(&find(name)?).map_err(rendered));
    let audits = audits.collect::<Result<Vec<_>, _>>()?;
    Ok(match format {
        OutputFormat::Table => audits.iter().map(Audit::in_words).collect::<Vec<_>>().join("\n"),
        OutputFormat::Json => lines(audits.iter().map(|audit| ProfileLine::Audit(audit.into())))?,
    })
}

fn compare(first: &str, second: &str, format: OutputFormat) -> Result<String, Failure> {
    let compared = profile::compare(&find(first)?, &find(second)?).map_err(rendered)?;
    Ok(match format {
        OutputFormat::Table => comparison_table::comparison_table(&compared),
        OutputFormat::Json => output::json_line(&OutputLine::Profiles(ProfileLine::Comparison(&compared)))?,
    })
}

/// A line for each.
fn lines<'a>(of: impl IntoIterator<Item = ProfileLine<'a>>) -> Result<String, Failure> {
    let lines = of.into_iter().map(|line| output::json_line(&OutputLine::Profiles(line)));
    Ok(lines.collect::<Result<Vec<_>, _>>()?.join("\n"))
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
