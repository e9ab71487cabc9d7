//! Keys that files had and have no more: what to write instead.

/// Keys of the table `[reputation]` before reputation went by rates, and `cost` of rules.
const KEYS: &[(&str, &str)] = &[
    ("start", "`stranger` is the score of who was never seen before"),
    ("gain", "the score follows the rates in time: `improves` says how fast it rises"),
    ("gain-per-day", "the score follows the rates in time: `improves` says how fast it rises"),
    ("complaint", "reputation goes by rates: `complaints` is the rate at which the score is one half"),
    ("unknown-recipient", "reputation goes by rates: `unknown-recipients` is the rate at which the score is one half"),
    ("spam-trap", "reputation goes by rates: `spam-traps` is the rate at which the score is one half"),
    ("surge", "volume costs no reputation: limit it by `{ allowance = … }` and an `[allowance]` table"),
    ("volume-floor", "`stranger` in the table `[allowance]` is what a newcomer may send a day"),
    ("growth", "it stands in the table `[allowance]`"),
    ("rest-gain", "silence is forgotten after `forgets`, and good mail heals in `improves`"),
    ("rest-toward", "silence leads back to the score of a `stranger`"),
    ("cost", "a refusal costs no reputation: count `refusals`, and hold who goes on"),
];

/// What to write instead of a key that is not known, where it was known once. `message` is what serde says: it names
/// the key, and those that it expected.
pub(super) fn instead(message: &str) -> Option<&'static str> {
    let key = message.strip_prefix("unknown field `")?.split('`').next()?;
    let of_reputation = message.contains("`believed-at`");
    let of_rule = key == "cost" && message.contains("`answer`");
    let (_, instead) = KEYS.iter().find(|(retired, _)| *retired == key)?;
    (of_reputation || of_rule).then_some(instead)
}
