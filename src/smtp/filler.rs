//! Messages of a given size whose content does not matter: slices of one block, so that sending one copies nothing.

/// Bytes of a line with its line end; RFC 5322, section 2.1.1, wants no more than 80.
const LINE: usize = 78;
/// Lines of the block.
const LINES: usize = 64;
const BLOCK: [u8; LINE * LINES] = block();

/// The pieces of a message of a given size: ASCII lines, none of which begins with a dot, the last one ended. It may go
/// after DATA and BDAT alike.
#[derive(Clone, Debug)]
pub struct Filler {
    left: u64,
}

impl Filler {
    /// A message of so many bytes. One byte is no line: it becomes two.
    pub const fn new(size: u64) -> Self {
        Self { left: if size == 1 { 2 } else { size } }
    }

    /// Bytes that are left to send.
    pub const fn left(&self) -> u64 {
        self.left
    }
}

impl Iterator for Filler {
    type Item = &'static [u8];

    fn next(&mut self) -> Option<&'static [u8]> {
        const WHOLE: u64 = (LINE * LINES) as u64;
        let size = match self.left {
            0 => return None,
            // Cut here, the block would begin with the second half of a line end: leave a line end for the next piece.
            left if left <= WHOLE + 1 && left % LINE as u64 == 1 => left - 2,
            left => left.min(WHOLE),
        };
        self.left -= size;
        let size = usize::try_from(size).unwrap_or(BLOCK.len());
        Some(&BLOCK[BLOCK.len() - size..])
    }
}

const fn block() -> [u8; LINE * LINES] {
    let mut block = [b'x'; LINE * LINES];
    let mut line = 1;
    while line <= LINES {
        block[line * LINE - 2] = b'\r';
        block[line * LINE - 1] = b'\n';
        line += 1;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filler_is_as_long_as_it_says_and_made_of_lines() {
        for size in (0..300).chain(4900..5200).chain([9984, 9985, 9986, 1 << 20]) {
            let filler = Filler::new(size);
            let left = filler.left();
            let message: Vec<u8> = filler.flatten().copied().collect();
            assert_eq!((message.len() as u64, left), (left, if size == 1 { 2 } else { size }));
            let text = String::from_utf8(message).unwrap();
            assert!(text.is_empty() || text.ends_with("\r\n"), "{size}");
            assert!(text.split("\r\n").all(|line| line.len() <= LINE - 2 && line.bytes().all(|byte| byte == b'x')));
        }
    }
}
