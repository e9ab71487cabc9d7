//! Rejected requests, in JSON: what is wrong, and what to do about it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::json::Json;
use crate::diagnostic::{Diagnostic, did_you_mean, nearest};

/// A rejected request.
#[derive(Debug)]
pub(super) struct AdminRejection {
    status: StatusCode,
    body: RejectionBody,
}

#[derive(Debug, Serialize)]
struct RejectionBody {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl AdminRejection {
    fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, body: RejectionBody { error: error.into(), hint: None } }
    }

    /// The request makes no sense.
    pub(super) fn bad(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// The request has mistakes: all of them are named at once, each of several with its own help.
    pub(super) fn wrong(found: &[Diagnostic]) -> Self {
        if let [only] = found {
            let rejection = Self::bad(only.message());
            return only.suggestion().into_iter().fold(rejection, Self::hint);
        }
        let told = found.iter().map(|one| match one.suggestion() {
            Some(hint) => format!("{} ({hint})", one.message()),
            None => one.message().to_owned(),
        });
        Self::bad(told.collect::<Vec<_>>().join("; "))
    }

    /// It is about something that does not exist.
    pub(super) fn not_found(error: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error)
    }

    /// There is no `what` of this name; the hint is the name that may be meant, or all there are.
    pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Self {
        let near = nearest(name, known.clone());
        let all = || format!("there is {}", known.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "));
        let hint = near.map_or_else(all, did_you_mean);
        Self::not_found(format!("no {what} `{name}`")).hint(hint)
    }

    /// It cannot be done in the present state.
    pub(super) fn conflict(error: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, error)
    }

    pub(super) fn forbidden(error: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, error)
    }

    /// The request does not show the token.
    pub(super) fn unauthorized(error: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, error)
    }

    pub(super) fn wrong_method() -> Self {
        let error = "the path is there, but not for this method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, error).hint("GET / lists what there is")
    }

    /// The framework rejects it.
    pub(super) fn refused(status: StatusCode, error: impl Into<String>) -> Self {
        Self::new(status, error)
    }

    /// Adds what to do about it.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }
}

impl IntoResponse for AdminRejection {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
