//! What `run --world live` and `send` have in common: how the client speaks, and why its run came to nothing.

use super::Failure;
use crate::live::tls::{ClientTls, StartTls};
use crate::live::{ClientOptions, DriveError, TrialError};
use crate::smtp::HeloName;
use crate::study::LiveError;

/// The switches of a client's command line.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientSwitches {
    /// STARTTLS is a must.
    pub(super) tls: bool,
    /// STARTTLS is used where it is to be had.
    pub(super) tls_optional: bool,
    /// BDAT is used where it is to be had.
    pub(super) chunking: bool,
}

/// How the client speaks.
pub(super) fn client_options(helo: HeloName, switches: ClientSwitches) -> Result<ClientOptions, Failure> {
    let connector = || ClientTls::accepting_any_certificate().map_err(Failure::unwritten);
    let tls = match switches {
        ClientSwitches { tls_optional: true, .. } => StartTls::May(connector()?),
        ClientSwitches { tls: true, .. } => StartTls::Must(connector()?),
        ClientSwitches { .. } => StartTls::Never,
    };
    Ok(ClientOptions { tls, chunking: switches.chunking, ..ClientOptions::new(helo) })
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
