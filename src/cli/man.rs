//! `mxlab man`: the manual.

use std::fs;
use std::path::PathBuf;

use super::{Exit, Failure, output};

/// Print the manual page, or write all pages into a folder.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Where to write a page for mxlab and one for each subcommand.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  mxlab man | man -l -
  mxlab man ~/.local/share/man/man1";

pub(super) fn man(args: &Args, command: clap::Command) -> Result<Exit, Failure> {
    let Some(folder) = &args.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(Failure::unwritten)?;
        output::print(String::from_utf8_lossy(&page).into_owned())?;
        return Ok(Exit::Met);
    };
    fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(command, folder))
        .map_err(|error| Failure::unwritten_path(folder, &error))?;
    Ok(Exit::Met)
}
