//! Where a number comes from, and how far to trust it.

use crate::provider::{Attribution, Confidence};
use crate::spanned::{Checker, Spanned};

/// Where the numbers of a table come from; a number that is said to be known must say from where.
pub(super) fn build(
    source: Option<&String>,
    confidence: Option<&Spanned<Confidence>>,
    check: &mut Checker<'_>,
) -> Attribution {
    let source = source.map(|text| text.trim().to_owned()).unwrap_or_default();
    if let Some(said) = confidence.filter(|said| source.is_empty() && said.value != Confidence::Assumed) {
        let message = format!("`{}` by whom? There is no source", said.value);
        check.wrong_do(&said.span, message, "add `source = \"…\"`, or say `confidence = \"assumed\"`");
    }
    Attribution { source, confidence: confidence.map(|said| said.value).unwrap_or_default() }
}
