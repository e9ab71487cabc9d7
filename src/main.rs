//! mxlab's command line. Everything is in the library's `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mxlab::cli::main()
}
