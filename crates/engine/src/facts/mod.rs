//! What happened, as plain numbers and names: [`crate::report`] alone makes sentences of it.

mod monitor;
mod policy;
mod prepared;
mod restored;
mod training;

pub use monitor::{Day, Decision, Figure, LiveFigure, Monitor, Ratings, Said, VersionLine};
pub use policy::{PolicyOutcome, PolicyStanding, TrainedPolicy};
pub use prepared::{
    CellChanges, ColumnShape, ColumnStory, LeftOut, Numbers, PreparedFacts, StepFacts, TimeRange,
};
pub use restored::Restored;
pub use training::{
    ColumnFacts, DataFacts, LinkCost, Outcome, Shipped, SplitFacts, TargetFacts, Trained, TrainedTargets,
};
pub(crate) use training::{NESTED, SHIPPED};
