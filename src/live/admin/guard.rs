//! Who may call: programs that speak for a person, not pages in a browser, and where a token is asked for, those who
//! have it.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::rejection::AdminRejection;
use super::state::AdminState;
use super::token::AdminToken;

/// Lets a request through, or says why not.
pub(super) async fn check_request(State(admin): State<AdminState>, request: Request, next: Next) -> Response {
    match rejection(admin.token.as_ref(), request.headers(), request.uri().authority().map(Authority::as_str)) {
        None => next.run(request).await,
        Some(rejection) => rejection.into_response(),
    }
}

fn rejection(token: Option<&AdminToken>, headers: &HeaderMap, authority: Option<&str>) -> Option<AdminRejection> {
    // A page in a browser on this machine could send a request here; the browser then names the page's origin.
    if headers.contains_key(header::ORIGIN) {
        return Some(AdminRejection::forbidden("web pages may not call this").hint("send no Origin"));
    }
    if let Some(token) = token {
        let hint = "send `Authorization: Bearer` and the token of --admin-token-file";
        return (!token.is_shown(headers)).then(|| AdminRejection::unauthorized("the token is missing").hint(hint));
    }
    // A page whose name its owner lets resolve to this machine names no other origin, but that name as the host.
    let host = headers.get(header::HOST).map_or(Some(""), |host| host.to_str().ok()).or(authority);
    let here = host.is_some_and(is_address_or_localhost) && authority.is_none_or(is_address_or_localhost);
    let why = || AdminRejection::forbidden("the request is for a host of another name");
    (!here).then(|| why().hint("call by address or as localhost, or ask for a token: --admin-token-file"))
}

/// `127.0.0.1:8025`, `[::1]`, `localhost`: names that no stranger can have let point here.
fn is_address_or_localhost(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_names_that_point_here_are_hosts() {
        let host = |host: &str| rejection(None, &headers(&[(header::HOST, host)]), None).is_none();
        for here in ["127.0.0.1", "127.0.0.1:8025", "[::1]:8025", "[::1]", "localhost", "LocalHost:1", "192.0.2.1:80"] {
            assert!(host(here), "{here}");
        }
        for strange in ["", "rebind.example", "rebind.example:8025", "localhost.example", "127.0.0.1.example:1", "a b"]
        {
            assert!(!host(strange), "{strange}");
        }
        assert!(rejection(None, &headers(&[]), None).is_some(), "no host at all");
        let both = rejection(None, &headers(&[(header::HOST, "localhost")]), Some("rebind.example"));
        assert!(both.is_some(), "the request line counts too");
    }

    #[test]
    fn a_token_is_shown_whole() {
        let token: AdminToken = "0123456789abcdef".parse().unwrap();
        let shows = |value: &str| {
            let headers = headers(&[(header::AUTHORIZATION, value), (header::HOST, "lab.example")]);
            rejection(Some(&token), &headers, None).is_none()
        };
        assert!(shows("Bearer 0123456789abcdef"), "whatever the host is called");
        for wrong in ["", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdefg", "Basic 0123456789abcdef"] {
            assert!(!shows(wrong), "{wrong}");
        }
        assert!(rejection(Some(&token), &headers(&[]), None).is_some());
    }
}
