//! A sweep: one value of a scenario, named by its path, takes other values in turn; what makes one of them safe.

mod place;
mod safe;
mod values;

pub use place::{Place, single_values};
pub use safe::{WrongCriterion, criterion, default_safe};
pub use values::{GRAMMAR, VALUES_MAX, Value, Values, WrongValues};

use crate::metric::Criterion;

/// What a sweep goes through.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// The value that changes.
    pub over: Place,
    /// What it becomes.
    pub values: Values,
    /// What makes a value safe.
    pub safe: Criterion,
}
