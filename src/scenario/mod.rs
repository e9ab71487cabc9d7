//! What people write: an experiment as a TOML file, and what it means.
//!
//! `spec` mirrors the file, `build` turns it into the values of `model`, which cannot be wrong; `load` reads files,
//! `explain` says in words what a scenario will do, `size` how much it will take, `schema` what an editor must know,
//! `unknowns` what of it is drawn because it is not known outside a provider;
//! `sweep` puts one value after the other in place of one that is written.

mod build;
mod explain;
mod load;
mod model;
mod schema;
mod size;
mod spec;
pub mod sweep;
mod text_file;
mod unknowns;

pub use explain::explain;
pub use load::{Draft, LoadError, WrongPoint, load, parse};
pub use model::*;
pub use schema::json_schema;
pub use spec::{
    ArrivalsSpec, AuthenticationSpec, ChangeSpec, ExpectSpec, HostSpec, ListSpec, NetworkSpec, PoissonStageSpec,
    ProviderSpec, SafeSpec, ScenarioSpec, SetSpec, SourceSpec, StreamSpec, SweepSpec, ValuesSpec, VaryingSizeSpec,
};
pub use text_file::{NotText, TOML_BYTES_MAX, read_text};
pub use unknowns::ScenarioUnknown;
