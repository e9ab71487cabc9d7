//! Quantities and names of things: a share, a size, and the numbers that stand for sources, clients and the rest.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A share of a whole: between 0 and 1, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Fraction(f64);

impl Fraction {
    /// Nothing.
    pub const NONE: Self = Self(0.0);
    /// The whole.
    pub const ALL: Self = Self(1.0);

    /// `None` unless `value` is between 0 and 1.
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// The nearest share: below 0 becomes 0, above 1 becomes 1.
    pub const fn clamped(value: f64) -> Self {
        Self(value.clamp(0.0, 1.0))
    }

    /// The share as a number between 0 and 1.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A share in percent, with as many digits as it was written with: `0.05 %`. Binary fractions bring noise of their own,
/// which is below the sixth digit.
pub fn percent(share: f64) -> String {
    format!("{} %", (share * 1e8).round() / 1e6)
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        // As many digits as a small share needs: 0.05 %, not 0.1 %.
        let digits = (1..=6).find(|digits| percent * 10_f64.powi(*digits) >= 0.999).unwrap_or(1);
        let digits = usize::try_from(digits).unwrap_or(1);
        write!(f, "{percent:.digits$} %")
    }
}

impl<'de> Deserialize<'de> for Fraction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        Self::new(value).ok_or_else(|| {
            serde::de::Error::custom(format!("{value} is not a share; write a number from 0 to 1 (0.25 for 25 %)"))
        })
    }
}

impl JsonSchema for Fraction {
    fn schema_name() -> Cow<'static, str> {
        "Fraction".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1, "description": "A share of a whole, from 0 to 1." })
    }
}

/// A number of bytes. Written `"20MB"` (20,000,000) or `"20 MiB"` (20,971,520).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bytesize::ByteSize(self.0).display().si().fmt(f)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size with its unit, such as \"75kB\" or \"20MB\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
                text.parse::<bytesize::ByteSize>().map(|size| Bytes(size.0)).map_err(|_| {
                    E::custom(format!("`{text}` is not a size; write bytes with a unit, such as \"75kB\" or \"20MB\""))
                })
            }
        }

        deserializer.deserialize_str(Written)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A size such as \"75kB\", \"20MB\" or \"10 MiB\"." })
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($raw:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $raw);

        impl $name {
            /// The place of this one in a table of all of them.
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// The one in place `index` of a table of all of them.
            ///
            /// # Panics
            ///
            /// Where there cannot be so many: whatever fills such a table has a limit below that.
            #[inline]
            pub fn from_index(index: usize) -> Self {
                match <$raw>::try_from(index) {
                    Ok(number) => Self(number),
                    Err(_) => panic!("{} has no number {index}", stringify!($name)),
                }
            }
        }
    )*};
}

ids! {
    /// A provider of the scenario: a *site* as the sender's queue sees it.
    ProviderId(u16);
    /// An egress IP of the sender.
    SourceId(u16);
    /// A client IP as a provider knows it. In `sim` the sources, in `live` every address that ever connected.
    ClientId(u32);
    /// A network of client IPs (a /24 or /64) as a provider knows it.
    NetworkId(u32);
    /// A sender domain (of MAIL FROM and From) as a provider knows it.
    SenderDomainId(u32);
    /// An account that clients log in to, as a provider knows it.
    AccountId(u16);
    /// An MX host of a provider, by its place among them.
    HostId(u8);
    /// A recipient domain, such as `charter.net`; every domain belongs to one provider.
    DomainId(u16);
    /// A mail stream of the workload: newsletters, receipts.
    MailStreamId(u8);
    /// A recipient of the workload: one address of one message. Recipients of one message stand in a row.
    RecipientId(u32);
    /// A reply of a provider, by its place in the provider's list of replies.
    ReplyId(u16);
    /// A rule of a provider, by its place in the profile.
    RuleId(u16);
    /// A session inside a provider.
    SessionId(u32);
    /// A connection of the sender.
    ConnId(u32);
    /// A queue of the sender: mail waiting for one (source, site).
    QueueId(u32);
    /// A limiter of the sender: what shares one window, one pace and one breaker.
    LimiterId(u32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_shares_keep_the_digit_that_matters() {
        let printed = [0.0, 0.25, 0.001, 0.0005, 0.000_02, 1.0].map(|share| Fraction::clamped(share).to_string());
        assert_eq!(printed, ["0.0 %", "25.0 %", "0.1 %", "0.05 %", "0.002 %", "100.0 %"]);
    }
}
