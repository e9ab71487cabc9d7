//! The admin API: a cluster that is looked at and changed while it runs, over HTTP and in JSON.
//!
//! For a test that wants to know what its MTA met, and for a person with curl. Any client that can reach it can do
//! everything, so it belongs on loopback, or behind a token; requests of web pages in a browser are rejected. Nothing
//! waits while the cluster's lock is held.

mod dns_faults;
mod extract;
mod guard;
mod handlers;
mod index;
mod json;
mod listener;
mod metrics;
mod rejection;
mod state;
#[cfg(test)]
mod tests;
mod token;

use std::io;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, patch, post, put};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use self::index::CALLS;
use self::listener::LimitedListener;
use self::rejection::AdminRejection;
pub use self::state::AdminState;
pub use self::token::{AdminToken, AdminTokenError};

/// The largest request body, in bytes.
pub const BODY_MAX: usize = 64 * 1024;

/// Serves the API on a listener until `stop`; requests that have begun by then are answered to the end.
///
/// # Errors
/// The listener has no address.
pub async fn serve(admin: AdminState, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
    axum::serve(LimitedListener::new(listener), routes(admin)).with_graceful_shutdown(stop.cancelled_owned()).await
}

fn routes(admin: AdminState) -> Router {
    Router::new()
        .route("/", get(index::index))
        .route("/state", get(handlers::state))
        .route("/providers/{name}/rules", get(handlers::rules))
        .route("/providers/{name}/rules/{rule}", patch(handlers::change_rule))
        .route("/providers/{name}/clients/{ip}/reputation", put(handlers::set_reputation))
        .route("/providers/{name}/clients/{ip}/holds", delete(handlers::release_holds))
        .route("/orders", post(handlers::order).delete(handlers::forget_orders))
        .route("/complaints", post(handlers::complain))
        .route("/dns/faults", get(dns_faults::list).put(dns_faults::replace).delete(dns_faults::end))
        .route("/reset", post(handlers::reset))
        .route("/metrics", get(metrics::scrape))
        .fallback(async || AdminRejection::not_found("there is no such path").hint("GET / lists what there is"))
        .method_not_allowed_fallback(async || AdminRejection::wrong_method())
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn_with_state(admin.clone(), guard::check_request))
        .with_state(admin)
}
