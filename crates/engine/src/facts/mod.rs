//! Results as plain numbers and names. Only [`crate::report`] turns them into sentences.

mod compressed;
mod distilled;
mod masks;
mod monitor;
mod policy;
mod prepared;
mod restored;
mod synthesized;
mod training;

pub use compressed::{AnswerChange, BeforeAndAfter, Bound, CompressedFacts};
pub use distilled::{AgainstTruth, Change, Costs, DistilledFacts};
pub use masks::{MasksOutcome, MasksStanding, TrainedMasks};
pub use monitor::{Day, Decision, Figure, LiveFigure, Monitor, Ratings, Said, VersionLine};
pub use policy::{PolicyOutcome, PolicyStanding, TrainedPolicy};
pub use prepared::{
    CellChanges, ColumnShape, ColumnStory, LeftOut, Numbers, PreparedFacts, StepFacts, TimeRange,
};
pub use restored::Restored;
pub use synthesized::{ColumnLikeness, PairFacts, PairLikeness, Privacy, SynthesizedFacts, Told, Usefulness};
pub use training::{
    ColumnFacts, DataFacts, LinkCost, Outcome, Shipped, SplitFacts, TargetFacts, Trained, TrainedTargets,
};
pub(crate) use training::{NESTED, SHIPPED};
