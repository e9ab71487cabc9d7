//! How seeds, counts and arguments are written in messages.

use crate::study;

/// The seeds in words.
pub(super) fn seeds(options: &study::RunOptions) -> String {
    let last = options.first_seed + u64::from(options.seeds) - 1;
    match options.seeds {
        1 => format!("seed {last}"),
        _ => format!("seeds {} to {last}", options.first_seed),
    }
}

/// A count as people read it: `50,000`.
pub(super) fn grouped(digits: &str) -> String {
    let comma = |n: usize| n > 0 && (digits.len() - n).is_multiple_of(3);
    digits.char_indices().flat_map(|(n, digit)| comma(n).then_some(',').into_iter().chain([digit])).collect()
}

/// An argument as a shell takes it.
pub(super) fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_three() {
        assert_eq!(["0", "999", "50000", "1234567"].map(grouped), ["0", "999", "50,000", "1,234,567"]);
    }

    #[test]
    fn arguments_are_quoted_as_a_shell_takes_them() {
        let words = ["a/b.toml", "--out=x", "two words", "it's", ""].map(quoted);
        assert_eq!(words, ["a/b.toml", "--out=x", "'two words'", r"'it'\''s'", "''"]);
    }
}
