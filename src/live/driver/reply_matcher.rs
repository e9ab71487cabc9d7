//! Recognizes the replies of a provider among what a server sends.
//!
//! A profile's replies are templates, whose placeholders match anything. Replies that are no provider's are learned, so
//! that mail can be sent to any server.

use std::collections::BTreeMap;

use crate::provider::{Policy, RuleAction};
use crate::smtp::{Code, EnhancedCode, Reply, Stage};
use crate::units::{ReplyId, RuleId};

/// The known replies of one provider.
#[derive(Debug)]
pub(super) struct ReplyMatcher {
    patterns: Vec<ReplyPattern>,
    /// The first rule in the profile's order that gives a reply at a stage.
    rules: BTreeMap<(Stage, ReplyId), RuleId>,
    learned: usize,
}

/// Replies that are learned of one provider. Some servers put the time or a number into every reply.
const LEARNED_MAX: usize = 500;

/// A reply as it is sent, with gaps for placeholders.
#[derive(Debug)]
struct ReplyPattern {
    /// The texts before the first gap, between gaps, and after the last.
    pieces: Vec<String>,
}

/// A reply that was received.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReplyMatch {
    /// It is known under this number.
    Known(ReplyId),
    /// It was not known, and has the next number from now on.
    Learned(Reply),
}

impl ReplyMatcher {
    pub(super) fn new(policy: &Policy) -> Self {
        let mut rules = BTreeMap::new();
        let mut note = |stage: Stage, answer: RuleAction, rule: usize| {
            if let RuleAction::Reply { reply, .. } = answer {
                rules.entry((stage, reply)).or_insert(RuleId::from_index(rule));
            }
        };
        for (id, rule) in policy.rules.iter().enumerate() {
            note(rule.at, rule.action, id);
            if let Some(hold) = &rule.hold {
                hold.ladder.iter().for_each(|step| note(hold.at, step.action, id));
            }
        }
        Self { patterns: policy.replies.iter().map(ReplyPattern::of).collect(), rules, learned: 0 }
    }

    /// Finds the reply whose lines these are, with their codes, joined by `\n`.
    pub(super) fn match_reply(&mut self, code: Code, lines: &str) -> ReplyMatch {
        if let Some(place) = self.patterns.iter().position(|pattern| pattern.matches(lines)) {
            return ReplyMatch::Known(ReplyId::from_index(place));
        }
        let mut reply = parse_reply(code, lines);
        if self.learned >= LEARNED_MAX {
            // Further replies are lumped together, one for each code; the enhanced code counts as long again.
            if self.learned >= 2 * LEARNED_MAX {
                reply.enhanced = None;
            }
            "(one of many)".clone_into(&mut reply.text);
            let rest = ReplyPattern::of(&reply);
            if let Some(place) = self.patterns.iter().position(|pattern| pattern.pieces == rest.pieces) {
                return ReplyMatch::Known(ReplyId::from_index(place));
            }
        }
        self.learned += 1;
        self.patterns.push(ReplyPattern::of(&reply));
        ReplyMatch::Learned(reply)
    }

    /// The rule that gives a reply at a stage; `None` if no rule of the profile does.
    pub(super) fn rule(&self, stage: Stage, reply: ReplyId) -> Option<RuleId> {
        self.rules.get(&(stage, reply)).copied()
    }
}

impl ReplyPattern {
    fn of(reply: &Reply) -> Self {
        let gap = |_: &str| Some("\0".to_owned());
        let text = reply.lines(gap).join("\n");
        Self { pieces: text.split('\0').map(str::to_owned).collect() }
    }

    fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else { return false };
        let Some(mut text) = text.strip_prefix(first.as_str()) else { return false };
        let Some((last, middle)) = rest.split_last() else { return text.is_empty() };
        for piece in middle {
            let Some(at) = text.find(piece.as_str()) else { return false };
            text = &text[at + piece.len()..];
        }
        text.ends_with(last.as_str())
    }
}

/// Parses a reply from its lines.
fn parse_reply(code: Code, lines: &str) -> Reply {
    let texts = lines.split('\n').map(|line| line.get(4..).unwrap_or_default());
    let texts: Vec<&str> = texts.collect();
    let first = texts.first().copied().unwrap_or_default();
    let enhanced = first.split(' ').next().and_then(|word| word.parse::<EnhancedCode>().ok());
    let own = enhanced.map(|enhanced| enhanced.to_string()).unwrap_or_default();
    let bare = |text: &&str| text.strip_prefix(own.as_str()).map_or(*text, str::trim_start).to_owned();
    let text = texts.iter().map(bare).collect::<Vec<_>>().join("\n");
    // Braces would be taken for placeholders.
    let text = text.replace(['{', '}'], "");
    Reply { code, enhanced, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::profile;

    fn matcher(name: &str) -> (Policy, ReplyMatcher) {
        let policy = profile::parse(&profile::built_in(name).unwrap()).unwrap();
        let matcher = ReplyMatcher::new(&policy);
        (policy, matcher)
    }

    fn code(code: u16) -> Code {
        code.try_into().unwrap()
    }

    #[test]
    fn every_reply_of_every_profile_is_matched() {
        for name in profile::NAMES {
            let (policy, mut matcher) = matcher(name);
            for (id, reply) in policy.replies.iter().enumerate() {
                let lines = reply.lines(|gap| Some(format!("<{gap}> 127.0.0.1"))).join("\n");
                let ReplyMatch::Known(found) = matcher.match_reply(reply.code, &lines) else {
                    panic!("{name}: {lines}")
                };
                let found = &policy.replies[found.index()];
                assert_eq!((found.code, &found.text), (reply.code, &reply.text), "{name} {id}: {lines}");
            }
        }
    }

    #[test]
    fn a_reply_names_its_rule() {
        let (policy, matcher) = matcher("charter");
        let rule = policy.rules.iter().position(|rule| rule.name == "connections").unwrap();
        let RuleAction::Reply { reply, .. } = policy.rules[rule].action else { panic!() };
        assert_eq!(matcher.rule(policy.rules[rule].at, reply).map(RuleId::index), Some(rule));
        assert_eq!(matcher.rule(Stage::EndOfData, reply), None);
    }

    #[test]
    fn an_unknown_reply_is_learned_once() {
        let (policy, mut matcher) = matcher("open");
        let ReplyMatch::Learned(reply) = matcher.match_reply(code(451), "451-4.7.500 first\n451 4.7.500 {second}")
        else {
            panic!()
        };
        assert_eq!(reply.to_string(), "451 4.7.500 first second");
        let found = ReplyMatch::Known(ReplyId(u16::try_from(policy.replies.len()).unwrap()));
        assert_eq!(matcher.match_reply(code(451), &reply.lines(|_| None).join("\n")), found);
    }

    #[test]
    fn learned_replies_are_bounded() {
        let (_, mut matcher) = matcher("open");
        let new = (0..2_000)
            .filter(|n| matches!(matcher.match_reply(code(450), &format!("450 at {n}")), ReplyMatch::Learned(_)))
            .count();
        assert_eq!(new, LEARNED_MAX + 1);
        // Enhanced codes lead no way around, and behind the fullest profile there are numbers for all.
        for n in 0..3_000 {
            matcher.match_reply(code(400 + n % 200), &format!("{} 5.{}.{} no", 400 + n % 200, n / 1_000, n % 1_000));
        }
        assert!(matcher.learned <= 2 * LEARNED_MAX + 200);
        ReplyId::from_index(Policy::REPLIES_MAX + 2 * LEARNED_MAX + 400);
    }
}
