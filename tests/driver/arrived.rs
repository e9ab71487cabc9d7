//! Checks that a server received what was sent: each recipient once, and every byte of every message.

use std::collections::{BTreeMap, BTreeSet};

use mxlab::smtp::Filler;
use mxlab::workload::Mail;

/// A message as a server received it, dot-stuffing undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: Vec<u8>,
}

/// The number in an address of the driver's: `r17@open.example` is 17.
pub(crate) fn number(address: &str) -> usize {
    let digits = address.split('@').next().and_then(|local| local.get(1..));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("{address} has no number"))
}

/// Every recipient of the table but these has exactly one message, and every message is what the table says.
pub(crate) fn each_has_one(arrived: &[Arrived], mail: &Mail, but: &BTreeSet<usize>) {
    let mut got: BTreeMap<usize, u32> = BTreeMap::new();
    for to in arrived.iter().flat_map(|message| &message.to) {
        *got.entry(number(to)).or_default() += 1;
    }
    let expected: BTreeMap<usize, u32> = (0..mail.len()).filter(|who| !but.contains(who)).map(|who| (who, 1)).collect();
    let differ: Vec<_> = (0..mail.len()).filter(|who| got.get(who) != expected.get(who)).collect();
    assert!(differ.is_empty(), "neither none nor one: {:?}", differ.iter().map(|who| (who, got.get(who))));
    for message in arrived {
        is_as_sent(message, mail);
    }
}

/// A message's number is that of its first recipient; its size is in the table.
fn is_as_sent(message: &Arrived, mail: &Mail) {
    let (first, from) = (number(&message.from), &message.from);
    let domain = from.split('@').nth(1).unwrap_or_default();
    let head = format!("From: <{from}>\r\nMessage-ID: <{first}@{domain}>\r\nSubject: a message of mxlab\r\n\r\n");
    let rest = u64::from(mail.rows[first].size).saturating_sub(head.len() as u64).max(2);
    let sent = Filler::new(rest).fold(head.into_bytes(), |text, piece| [&text, piece].concat());
    let differs = (0..sent.len().max(message.text.len())).find(|at| sent.get(*at) != message.text.get(*at));
    let (came, long) = (message.text.len(), sent.len());
    assert_eq!(differs, None, "from {from}, {long} bytes: {came} came, the first that differs is this");
}
