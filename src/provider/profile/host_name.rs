//! Names of hosts and domains, as profiles write them.

/// Whether `text` is made of what names of hosts are made of.
pub(super) fn is_host(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    !text.is_empty() && text.chars().all(plain)
}
