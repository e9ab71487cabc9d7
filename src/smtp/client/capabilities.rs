//! What a server offers in its reply to EHLO.

use super::super::extension::{Extension, Extensions, SessionLimits};

/// What a server offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The extensions that the reply to EHLO lists.
    pub extensions: Extensions,
    /// The largest message in bytes, if the server says so.
    pub size_max: Option<u64>,
    /// What LIMITS says of a session (RFC 9422).
    pub limits: SessionLimits,
}

impl Capabilities {
    /// Reads the lines after the first of a reply to EHLO. What is unknown or malformed is not offered.
    pub fn parse(text: &str) -> Self {
        let mut offers = Self::default();
        for line in text.split('\n').skip(1) {
            let mut words = line.split_ascii_whitespace();
            let Some(keyword) = words.next() else { continue };
            if keyword.eq_ignore_ascii_case("LIMITS") {
                words.for_each(|word| offers.limit(word));
                continue;
            }
            let known = Extension::ALL.into_iter().find(|known| known.keyword().eq_ignore_ascii_case(keyword));
            let Some(extension) = known else { continue };
            offers.extensions = offers.extensions.with(extension);
            if extension == Extension::Size {
                // No number and 0 both mean that there is no limit (RFC 1870, section 4).
                offers.size_max = words.next().and_then(|size| size.parse().ok()).filter(|size| *size > 0);
            }
        }
        offers
    }

    /// Whether an extension is offered.
    pub const fn has(&self, extension: Extension) -> bool {
        self.extensions.has(extension)
    }

    fn limit(&mut self, word: &str) {
        let Some((name, value)) = word.split_once('=') else { return };
        let limit = match name {
            "MAILMAX" => &mut self.limits.mail_max,
            "RCPTMAX" => &mut self.limits.rcpt_max,
            "RCPTDOMAINMAX" => &mut self.limits.rcpt_domain_max,
            _ => return,
        };
        *limit = value.parse().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_to_ehlo_is_read() {
        let text = "mx\npipelining\nSIZE 1000\nX-UNKNOWN 1\n\nLIMITS RCPTMAX=5 MAILMAX=x OTHER=1\nAUTH PLAIN";
        let offers = Capabilities::parse(text);
        let extensions = [Extension::Pipelining, Extension::Size, Extension::Auth].into_iter().collect();
        let limits = SessionLimits { rcpt_max: Some(5), ..SessionLimits::default() };
        assert_eq!(offers, Capabilities { extensions, size_max: Some(1000), limits });
    }

    #[test]
    fn the_first_line_is_a_name() {
        assert_eq!(Capabilities::parse("PIPELINING"), Capabilities::default());
    }

    #[test]
    fn size_zero_is_no_limit() {
        assert_eq!(Capabilities::parse("mx\nSIZE 0").size_max, None);
        assert_eq!(Capabilities::parse("mx\nSIZE").size_max, None);
    }
}
