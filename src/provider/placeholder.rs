//! The placeholders that replies of a profile may have, such as `{ip}`.

use std::str::FromStr;

macro_rules! placeholders {
    ($($variant:ident $name:literal $about:literal;)*) => {
        /// A placeholder in the text of a reply, which a server fills in.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Placeholder {
            $(#[doc = $about] $variant,)*
        }

        impl Placeholder {
            /// Their names, as they stand between braces.
            pub const NAMES: &[&str] = &[$($name),*];
        }

        impl FromStr for Placeholder {
            type Err = UnknownPlaceholder;

            fn from_str(name: &str) -> Result<Self, UnknownPlaceholder> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(UnknownPlaceholder(name.to_owned())),
                }
            }
        }
    };
}

placeholders! {
    Ip "ip" "The client's address.";
    Range "range" "The network of the client's address.";
    Host "host" "The name of the client's address; `unknown`, as Postfix says, for there is none.";
    Helo "helo" "What the client called itself.";
    Mx "mx" "The first MX host.";
    Sender "sender" "MAIL FROM.";
    SenderDomain "sender_domain" "Its domain; of the null path, what the client called itself, as SPF has it.";
    FromDomain "from_domain" "The domain of the author; the same, as headers are not read.";
    Rcpt "rcpt" "The recipient that is named, or that was accepted last.";
    RcptDomain "rcpt_domain" "Its domain; the provider's first where there is none.";
    Id "id" "A number that no other reply has.";
    Url "url" "A page that explains.";
}

/// There is no placeholder of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no placeholder `{{{0}}}`")]
pub struct UnknownPlaceholder(pub String);
