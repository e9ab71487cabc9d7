//! What handlers take from a request, rejected in the API's own words.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::rejection::AdminRejection;
use crate::diagnostic::{did_you_mean, suggestion};

/// A body that is JSON, whatever its content type says: curl calls everything a form.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = AdminRejection;
    async fn from_request(request: Request, state: &S) -> Result<Self, AdminRejection> {
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|e| AdminRejection::refused(e.status(), e.body_text().to_lowercase()))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|e| {
            let error = e.to_string();
            let rejection = AdminRejection::bad(format!("the body is not what is expected: {error}"));
            match suggestion(&error) {
                Some(near) => rejection.hint(did_you_mean(near)),
                None => rejection.hint("GET / has an example of every body"),
            }
        })
    }
}

/// The parameters in a path.
pub(super) struct PathParams<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathParams<T> {
    type Rejection = AdminRejection;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AdminRejection> {
        let names = Path::from_request_parts(parts, state).await;
        names
            .map(|Path(names)| Self(names))
            .map_err(|e| AdminRejection::refused(e.status(), e.body_text().to_lowercase()))
    }
}
