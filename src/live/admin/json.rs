//! Answers in JSON.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::harmless;

/// An answer in JSON. Names and addresses in it come from files and clients.
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_string(&self.0) {
            Ok(text) => {
                let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                ([kind], harmless::json(text)).into_response()
            }
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn an_answer_has_no_hidden_characters() {
        let response = Json("a\u{202e}b").into_response();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        let body = to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(body, r#""a\u202eb""#);
    }
}
