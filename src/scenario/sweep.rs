//! A sweep: one value of a scenario, named by its path, takes other values in turn; what makes one of them safe.

mod criterion;
mod place;
mod values;

pub use criterion::{WrongCriterion, criterion, default_criterion};
pub use place::{Place, single_values};
pub use values::{GRAMMAR, VALUES_MAX, Value, Values, WrongValues};

use crate::metric::Criterion;

/// What a sweep goes through.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// The place of the value that changes, in the scenario or in a profile.
    pub over: Place,
    /// The values that it takes, one after the other.
    pub values: Values,
    /// What makes a value safe.
    pub safe: Criterion,
}
