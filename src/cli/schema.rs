//! `mxlab schema`: the JSON Schema of what people write, for editors, and of what programs read.

use clap::ValueEnum;
use schemars::generate::SchemaSettings;

use super::output_line::OutputLine;
use super::{Exit, Failure, output};
use crate::provider::profile::ProfileSpec;
use crate::scenario;

/// Print the JSON Schema of scenario or profile files, or of standard output.
///
/// Editors with a TOML language server complete and check files with it. The schema of events says what every line of
/// `serve`, `send` and `--format json`, of whatever command, means; its version is in the first and the last line.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Of what.
    #[arg(value_enum, default_value_t = SchemaKind::Scenario)]
    kind: SchemaKind,
}

#[derive(Clone, Copy, ValueEnum)]
enum SchemaKind {
    /// Scenarios: an experiment.
    Scenario,
    /// Profiles: a mailbox provider.
    Profile,
    /// Lines of standard output for programs: events, summaries, and what `profiles` says.
    Events,
}

const EXAMPLES: &str = "\
Examples:
  mxlab schema > scenario.schema.json
  mxlab schema profile > profile.schema.json
  mxlab schema events > events.schema.json

A scenario that begins with `#:schema ./scenario.schema.json` is completed and checked by editors that use Taplo.";

pub(super) fn schema(args: &Args) -> Result<Exit, Failure> {
    let schema = match args.kind {
        SchemaKind::Scenario => scenario::json_schema(),
        SchemaKind::Profile => {
            SchemaSettings::draft07().into_generator().into_root_schema_for::<ProfileSpec>().to_value()
        }
        SchemaKind::Events => OutputLine::json_schema_document(),
    };
    output::print(format!("{schema:#}"))?;
    Ok(Exit::Met)
}
