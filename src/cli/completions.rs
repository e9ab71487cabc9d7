//! `mxlab completions`: for the shell.

use clap_complete::Shell;

use super::{Exit, Failure, output};

/// Print completions for a shell.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  mxlab completions bash > ~/.local/share/bash-completion/completions/mxlab
  mxlab completions fish > ~/.config/fish/completions/mxlab.fish";

pub(super) fn completions(args: &Args, mut command: clap::Command) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "mxlab", &mut script);
    output::print(String::from_utf8_lossy(&script).into_owned())?;
    Ok(Exit::Met)
}
