//! Files that people name, read as text: of a size that makes sense, and if they are no text, where not.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Larger than any scenario or profile that a person writes, in bytes.
pub const TOML_BYTES_MAX: u64 = 16 << 20;
/// A trace may hold a few tens of millions of messages, in bytes.
pub(super) const TRACE_BYTES_MAX: u64 = 2 << 30;

/// The first place of a file that is no text, line and column counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a text file: {what} at line {line}, column {column}")]
pub struct NotText {
    /// What stands there.
    pub what: &'static str,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Reads the file `path` of at most so many bytes.
///
/// # Errors
/// What the system says; that it is larger; or, as [`NotText`] of kind [`io::ErrorKind::InvalidData`], that it is no
/// text.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let file = File::open(path)?;
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {most} bytes"));
    if file.metadata()?.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // A pipe has no size of its own.
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_large());
    }
    into_text(bytes).map_err(|wrong| io::Error::new(io::ErrorKind::InvalidData, wrong))
}

/// The text that `bytes` are. A zero byte is UTF-8, but no person writes it.
fn into_text(bytes: Vec<u8>) -> Result<String, NotText> {
    let zero = memchr::memchr(0, &bytes);
    let (at, bytes) = match String::from_utf8(bytes) {
        Ok(text) => match zero {
            None => return Ok(text),
            Some(at) => (at, text.into_bytes()),
        },
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            (zero.map_or(at, |zero| zero.min(at)), error.into_bytes())
        }
    };
    let before = &bytes[..at];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
    Err(NotText {
        what: if zero == Some(at) { "a zero byte" } else { "a byte that is not UTF-8" },
        line: memchr::memchr_iter(b'\n', before).count() + 1,
        column: String::from_utf8_lossy(&before[line_start..]).chars().count() + 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_that_is_no_text_is_told() {
        let wrong = |bytes: &[u8]| into_text(bytes.to_vec()).unwrap_err().to_string();
        assert_eq!(wrong(b"\xFF"), "not a text file: a byte that is not UTF-8 at line 1, column 1");
        assert_eq!(wrong("a\nyä\0".as_bytes()), "not a text file: a zero byte at line 2, column 3");
        assert_eq!(wrong(b"a\n\n\0\xFF"), "not a text file: a zero byte at line 3, column 1");
        assert_eq!(wrong(b"a\n\n\xFF\0"), "not a text file: a byte that is not UTF-8 at line 3, column 1");
        assert_eq!(into_text(b"a\xC3\xA4".to_vec()), Ok("a\u{e4}".to_owned()));
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_unread() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 40).unwrap();
        let error = read_text(file.path(), TOML_BYTES_MAX).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 16777216 bytes");
    }
}
