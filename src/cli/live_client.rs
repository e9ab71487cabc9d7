//! What `run --world live` and `send` have in common: how the client speaks, and why its run came to nothing.

use super::Failure;
use crate::live::{ClientOptions, DriveError, TrialError, tls};
use crate::study::LiveError;

/// How the client speaks.
pub(super) fn client_options(helo: &str, with_tls: bool, chunking: bool) -> Result<ClientOptions, Failure> {
    let connector = || tls::ClientTls::accepting_any_certificate().map_err(Failure::unwritten);
    let tls = if with_tls { Some(connector()?) } else { None };
    Ok(ClientOptions { helo: helo.to_owned(), tls, chunking })
}

/// Why a run over sockets came to nothing. There is nothing to replay: a socket's time is its own.
pub(super) fn live_failure(error: &LiveError) -> Failure {
    match error {
        LiveError::Mail(error) => Failure::input(error),
        LiveError::Trial { error: TrialError::Drive(DriveError::Conservation(_)), .. } => {
            Failure::broken(format_args!("an invariant is broken: {error}"))
        }
        LiveError::Trial { error: TrialError::Drive(DriveError::Forbidden(_)), .. } => Failure::input(error),
        LiveError::NoRuntime(_) | LiveError::Trial { .. } => Failure::unwritten(error),
    }
}
