//! Messages that a careless hand spoils: dots at the beginning of lines, empty lines, bytes above 127, long lines.

use super::serve_results::{Kept, ServeResults};

/// A message and what it tries.
pub(crate) struct Body {
    pub(crate) name: &'static str,
    /// With CR LF line ends, the last one included.
    pub(crate) text: Vec<u8>,
}

/// All of them.
pub(crate) fn all() -> Vec<Body> {
    let long = |n: usize| "x".repeat(n) + "\r\n";
    let texts: [(&str, Vec<u8>); 6] = [
        ("leading dots", b".\r\n..\r\n...\r\n.x\r\n..x\r\nx.\r\n.\r\nend\r\n".to_vec()),
        ("a dot at the end", b"hello\r\n.\r\n".to_vec()),
        ("empty lines", b"\r\n\r\nhello\r\n\r\n\r\n.\r\n\r\n".to_vec()),
        ("8-bit", [b"\xE4\xF6\xFC is Latin-1, ".as_slice(), "äöü € UTF-8\r\n.ä\r\n".as_bytes()].concat()),
        // RFC 5321, section 4.5.3.1.6, allows 998 bytes before the line end; one of these lines is nothing but dots.
        ("long lines", [long(998), long(997), ".".repeat(998), "\r\n".to_owned(), long(998)].concat().into_bytes()),
        // A dot at the beginning of a line wherever a client's or the server's buffer may end.
        ("many lines", ".0123456789abc\r\n".repeat(20_000).into_bytes()),
    ];
    texts.map(|(name, text)| Body { name, text }).into()
}

impl Body {
    /// A local part of its own.
    pub(crate) fn address(&self) -> String {
        self.name.replace(' ', "-")
    }

    /// Headers, without the empty line behind them.
    pub(crate) fn headers(&self) -> String {
        let encoding = if self.text.is_ascii() { "7bit" } else { "8bit" };
        format!(
            "From: news@sender.example\r\nTo: {}@open.example\r\nSubject: {}\r\nMIME-Version: 1.0\r\n\
             Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <{}@sender.example>\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n",
            self.address(),
            self.name,
            self.address()
        )
    }

    /// Headers and text.
    pub(crate) fn message(&self) -> Vec<u8> {
        [self.headers().as_bytes(), b"\r\n", &self.text].concat()
    }

    /// The text as programs on a Unix machine have it.
    pub(crate) fn with_bare_lf(&self) -> Vec<u8> {
        self.text.iter().copied().filter(|byte| *byte != b'\r').collect()
    }

    /// It arrived, once, byte by byte; `what` is the part of a message to be compared with the text.
    pub(crate) fn arrived_in(&self, results: &ServeResults, what: impl Fn(&Kept) -> &[u8]) {
        self.is_the_one_of(results, &self.text, what);
    }

    /// The same, for a client that sends the headers as they are.
    pub(crate) fn arrived_whole_in(&self, results: &ServeResults) {
        self.is_the_one_of(results, &self.message(), |kept| &kept.text);
    }

    fn is_the_one_of(&self, results: &ServeResults, sent: &[u8], what: impl Fn(&Kept) -> &[u8]) {
        let to = format!("{}@open.example", self.address());
        let kept: Vec<_> = results.kept.iter().filter(|kept| kept.to.contains(&to)).collect();
        assert_eq!(kept.len(), 1, "{}: messages that arrived", self.name);
        let came = what(kept[0]);
        if let Some(at) = (0..sent.len().max(came.len())).find(|at| sent.get(*at) != came.get(*at)) {
            let around = |text: &[u8]| {
                text[at.saturating_sub(20).min(text.len())..(at + 20).min(text.len())].escape_ascii().to_string()
            };
            panic!(
                "{}: byte {at} of {} differs: sent {:?}, came {:?}",
                self.name,
                sent.len(),
                around(sent),
                around(came)
            );
        }
    }
}
