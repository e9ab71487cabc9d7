//! The admin API: a cluster that is looked at and changed while it runs, over HTTP and in JSON.
//!
//! For a test that wants to know what its MTA met, and for a person with curl. Who can reach it can do everything, so
//! it belongs on loopback; web pages, which a browser there would let in, are turned away. Nothing waits while the
//! cluster's lock is held.

mod dns_faults;
mod handlers;
mod listener;
mod metrics;
mod rejection;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, Request};
use axum::http::{Method, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{delete, get, patch, post, put};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::listener::LimitedListener;
use self::rejection::AdminRejection;
use super::cluster::MxCluster;
use super::dns::DnsFaults;

/// The largest request body, in bytes.
pub const BODY_MAX: usize = 64 * 1024;

/// What there is: method, path, and what it does, with an example of what to send.
pub const CALLS: &[(&str, &str, &str)] = &[
    ("GET", "/", "this list"),
    ("GET", "/state?clients=200", "clock, providers, rules, and the clients with the most connections"),
    ("GET", "/providers/{name}/rules", "the rules of a provider"),
    ("PATCH", "/providers/{name}/rules/{rule}", r#"{"enabled": false} or {"limit": 5}; a limit as in a profile"#),
    ("PUT", "/providers/{name}/clients/{ip}/reputation", r#"{"score": 0.2}"#),
    ("DELETE", "/providers/{name}/clients/{ip}/holds", "ends the client's holds"),
    (
        "POST",
        "/orders",
        r#"{"stage": "rcpt", "reply": "451 4.7.1 later"} or {"stage": "data", "drop": true} or {"stage": "mail", "slow": "5s"}; "provider" and "times" if you like: what the next messages are answered"#,
    ),
    ("DELETE", "/orders", "forgets the orders that still wait"),
    ("POST", "/complaints", r#"{"provider": "charter", "client": "127.0.0.1", "sender": "news.example"}"#),
    ("GET", "/dns/faults", "what goes wrong with DNS"),
    (
        "PUT",
        "/dns/faults",
        r#"[{"name": "charter.net", "trouble": "servfail"}, {"trouble": {"slow": "2s"}, "share": 0.5}]: what goes wrong from now on and nothing else, for a name and all below it or for all names; "servfail", "nxdomain", "silence" or {"slow": TIME}"#,
    ),
    ("DELETE", "/dns/faults", "nothing goes wrong with DNS any more"),
    ("POST", "/reset", "all as at the start, but for the time and the open sessions; nothing goes wrong with DNS"),
    ("GET", "/metrics", "counters and gauges in the text format of OpenMetrics"),
];

/// What administrators look after.
#[derive(Clone, Debug)]
pub struct AdminState {
    /// The cluster.
    pub cluster: Arc<MxCluster>,
    /// What goes wrong with the names of its hosts, where there is a DNS server that says them.
    pub dns: Option<DnsFaults>,
}

impl FromRef<AdminState> for Arc<MxCluster> {
    fn from_ref(admin: &AdminState) -> Self {
        Self::clone(&admin.cluster)
    }
}

/// Answers on a listener until it is told to stop. Requests that are being answered then are answered to the end.
///
/// # Errors
/// The listener has no address.
pub async fn serve(admin: AdminState, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
    axum::serve(LimitedListener::new(listener), routes(admin)).with_graceful_shutdown(stop.cancelled_owned()).await
}

fn routes(admin: AdminState) -> Router {
    Router::new()
        .route("/", get(handlers::index))
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
        .layer(from_fn(reject_browser_pages))
        .with_state(admin)
}

/// A page from anywhere, open in a browser on this machine, could send a request here. Browsers say whose page it is.
async fn reject_browser_pages(request: Request, next: Next) -> Result<Response, AdminRejection> {
    let looks_only = matches!(*request.method(), Method::GET | Method::HEAD);
    if !looks_only && request.headers().contains_key(header::ORIGIN) {
        return Err(AdminRejection::forbidden("web pages may not change anything here").hint("send no Origin"));
    }
    Ok(next.run(request).await)
}
