//! The command line: one file a subcommand. Reads arguments and files, calls the library, prints.
//!
//! What was asked for goes to standard output, everything about it (seeds, progress, errors) to standard error. How it
//! ended is said by the exit code, see [`Exit`].

mod available_memory;
mod check;
mod comparison_table;
mod completions;
mod descriptors;
mod endpoints;
mod exit;
mod failure;
mod folder;
mod interrupt;
mod live_client;
mod man;
mod memory;
mod output;
mod output_line;
mod own_side;
mod profiles;
mod progress;
mod provenance;
mod report;
mod run;
mod scenarios;
mod schema;
mod send;
mod serve;
mod strategies;
mod sweep;
mod terminal;
mod trial_args;
mod words;

use std::env;
use std::panic;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::Exit;
use failure::Failure;

use crate::harmless;

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            print_usage(&usage);
            return if usage.use_stderr() { Exit::BadInput } else { Exit::Met }.into();
        }
    };
    // An assertion of the core that does not hold is a broken invariant, and says so by its exit code.
    let outcome = panic::catch_unwind(|| dispatch(&cli.command)).unwrap_or_else(|_| {
        Err(Failure::broken("this is a fault of mxlab, not of what it was given; please report the lines above"))
    });
    outcome.unwrap_or_else(Failure::report).into()
}

/// Prints help or what is wrong with the command line. Help that is not read to its end is no failure.
fn print_usage(usage: &clap::Error) {
    // It quotes arguments as they are, so its colours are only for plain ones.
    let plain = env::args_os().all(|argument| !harmless::has_hidden(&argument.to_string_lossy()));
    match usage.use_stderr() {
        _ if plain => drop(usage.print()),
        true => terminal::note(usage.render().to_string()),
        false => drop(output::print(usage.render().to_string())),
    }
}

fn dispatch(command: &CliCommand) -> Result<Exit, Failure> {
    match command {
        CliCommand::Run(args) => run::run(args),
        CliCommand::Sweep(args) => sweep::sweep(args),
        CliCommand::Serve(args) => serve::serve(args),
        CliCommand::Send(args) => send::send(args),
        CliCommand::Check(args) => check::check(args),
        CliCommand::Schema(args) => schema::schema(args),
        CliCommand::Profiles(args) => profiles::profiles(args),
        CliCommand::Strategies(args) => strategies::strategies(args),
        CliCommand::Report(args) => report::report(args),
        CliCommand::Completions(args) => completions::completions(args, self::command()),
        CliCommand::Man(args) => man::man(args, self::command()),
    }
}

/// The whole command line, as completions, man pages and tests see it.
pub fn command() -> clap::Command {
    Cli::command()
}

#[derive(Parser)]
#[command(
    name = "mxlab",
    version,
    about = "With this list, these IPs and this configuration: what will go out, when, and what will be refused?",
    long_about = ABOUT,
    after_help = EXAMPLES,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Subcommand)]
enum CliCommand {
    Run(run::Args),
    Sweep(sweep::Args),
    Serve(serve::Args),
    Send(send::Args),
    Check(check::Args),
    Schema(schema::Args),
    Profiles(profiles::Args),
    Strategies(strategies::Args),
    Report(report::Args),
    Completions(completions::Args),
    Man(man::Args),
}

const ABOUT: &str = "\
A laboratory for sending mail under other people's limits. Mailbox providers that enforce the limits of Charter, \
Yahoo, Microsoft and Gmail stand on one side, sending strategies on the other; a scenario says who sends what to whom, \
and a run says what was delivered, when, and what it cost in deferrals.";

const EXAMPLES: &str = "\
Examples:
  mxlab run scenarios/quickstart.toml      one campaign, four providers, four strategies
  mxlab sweep scenarios/sweep-charter.toml one value over a range: where it stops being safe
  mxlab serve charter yahoo                fake MX hosts with real limits, for your own mail server
  mxlab send my.toml --to 127.0.0.1:2525   the same campaign to servers of your own
  mxlab check scenarios/quickstart.toml    what the scenario will do, in words
  mxlab profiles show charter              a provider's limits, each with its source
  mxlab run --help                         more about running

Exit codes:
  0  done, and every expectation of the scenarios was met
  1  an expectation was missed
  2  bad input: arguments, a scenario, a profile, or too little memory
  3  an invariant is broken; the message says how to replay it
  4  a file could not be written, or mxlab's own side (descriptors, addresses, memory, disk)
     failed during a run: attempts that it held up or broke off are nobody's, and the results say so first
  130  stopped by Ctrl-C; finished trials are kept, their results marked partial";

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_sound() {
        super::command().debug_assert();
    }

    #[test]
    fn every_subcommand_shows_examples() {
        for command in super::command().get_subcommands() {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Examples:\n  mxlab "), "{}", command.get_name());
            for example in after.lines().filter(|line| line.starts_with("  mxlab ")) {
                let words = example.split("  ").nth(1).unwrap_or_default().split_whitespace();
                let words = words.take_while(|word| !matches!(*word, ">" | "|" | "<"));
                let parsed = super::command().try_get_matches_from(words);
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
            }
        }
    }
}
