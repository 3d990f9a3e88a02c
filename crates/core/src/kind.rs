//! What a column holds ([`Kind`]) and what it is for ([`Role`]).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the values of a column are, and with it the one Arrow type that holds them.
///
/// | kind | Arrow type |
/// |---|---|
/// | `number` | `Float64` |
/// | `flag` | `Boolean` |
/// | `category` | `Dictionary<UInt32, Utf8>`, codes fixed by the schema (see [`crate::Categories`]) |
/// | `text` | `Utf8` |
/// | `time` | `Timestamp(Microsecond, UTC)` |
/// | `vector` | `FixedSizeList<Float32>` (`Float64` for probabilities), or `List<Struct{index, value}>` when sparse |
/// | `image` | `Binary`: the encoded bytes (PNG, JPEG, GIF, BMP, WebP); paths become bytes where a file is read |
/// | `point` | `Struct{lon, lat: Float64}`: degrees, or the x and y of a plane ([`Layout::Point`] says which) |
/// | `series` | `List<Struct{time: Timestamp(Microsecond, UTC), value: Float64}>` |
/// | `track` | `List<Struct{time, lon, lat}>` |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A number: differences between values mean something.
    Number,
    /// Yes or no.
    Flag,
    /// One of a set of names.
    Category,
    /// Free text.
    Text,
    /// A timestamp, in microseconds since 1970 (UTC).
    Time,
    /// Many numbers that belong together: one-hot codes, embeddings, pixels. One column, never a thousand.
    Vector {
        /// How many numbers each row has.
        len: usize,
        /// Whether only the non-zero numbers are kept.
        sparse: bool,
    },
    /// An encoded image.
    Image,
    /// A place: longitude and latitude in degrees, or x and y in a plane.
    Point,
    /// Values over time within one cell, such as the recent past of what is to be forecast.
    Series,
    /// Places over time within one cell (reserved: no step reads it yet).
    Track,
}

impl Kind {
    /// Whether a cell contains a single value: a number, a flag, a name or a timestamp.
    pub fn is_plain(self) -> bool {
        matches!(self, Kind::Number | Kind::Flag | Kind::Category | Kind::Time)
    }

    /// The name of this kind for users, in input and output.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Number => "number",
            Kind::Flag => "flag",
            Kind::Category => "category",
            Kind::Text => "text",
            Kind::Time => "time",
            Kind::Vector { .. } => "vector",
            Kind::Image => "image",
            Kind::Point => "point",
            Kind::Series => "series",
            Kind::Track => "track",
        }
    }
}

/// What the numbers of a column mean beyond their kind: how those of a dense vector lie (row-major: the last dimension runs fastest),
/// and what coordinates are measured in.
///
/// Learners that know nothing of layouts read such a vector as a list of numbers, but for tokens, which mean nothing as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// A picture: so many planes of height x width numbers, each from 0 to 1.
    Image {
        /// 1 for grey, 3 for red, green and blue.
        channels: usize,
        /// Rows of pixels.
        height: usize,
        /// Columns of pixels.
        width: usize,
    },
    /// Timestamps in order, the oldest first, each with so many numbers.
    Steps {
        /// Timestamps.
        steps: usize,
        /// Numbers of a timestamp.
        channels: usize,
    },
    /// Places in a vocabulary, in the order of the text; 0 stands for "nothing here" and fills the end.
    Tokens {
        /// How many places the vocabulary has, 0 among them.
        vocabulary: usize,
    },
    /// Of a point column.
    Point {
        /// Longitude and latitude in degrees on the earth; otherwise x and y in a plane.
        degrees: bool,
    },
    /// Of a number column: one coordinate of the place where the row is.
    Coordinate {
        /// Which of the two.
        axis: Axis,
        /// Whether both are degrees on the earth; otherwise they are lengths in a plane.
        degrees: bool,
    },
}

/// One of the two coordinates of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Longitude, easting.
    X,
    /// Latitude, northing.
    Y,
}

/// What a column is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Models learn from it.
    #[default]
    Feature,
    /// What models learn to predict.
    Target,
    /// Names the row; ties feedback to it; never a feature.
    Key,
    /// When the row happened: orders splits by time. Its date parts may still be features.
    Time,
    /// Rows of one group are never split across parts.
    Group,
    /// How much the row counts.
    Weight,
    /// Says which part the row belongs to, `train` or `test`.
    Split,
    /// Says which rows belong together as copies, or by their key or group: added by the split (see [`crate::BLOCK`]), so that
    /// no split, fold or early stopping divides them. Never a feature.
    #[serde(skip_deserializing)]
    #[schemars(skip)]
    Block,
    /// Lists the keys of the rows that a row is tied to, as in `Ohio;Iowa` or, where ties count differently, `Ohio=2;Iowa=0.5`. Never a
    /// feature: learners of graphs read it (see [`crate::recipe::Graph`]).
    Neighbors,
    /// Read but not used.
    Ignore,
    /// What a model says: a class or a number.
    Prediction,
    /// What a model says: one probability per class.
    Probability,
    /// Of a logged decision: what came of the action, more is better.
    Reward,
    /// Of a logged decision: the probability with which its action was taken.
    Propensity,
    /// What a policy says: the reward to be expected of each action.
    ExpectedReward,
    /// What an earlier model says of a row, for learners that go on from there: the logarithm of the probability of each class, or a
    /// number (see [`crate::START`]). Never a feature.
    #[serde(skip_deserializing)]
    #[schemars(skip)]
    Start,
    /// A mark that a step puts on a row (an outlier, say).
    Flag,
}

impl Role {
    /// Whether a column with this role is an input of learners, which none of them passes on.
    pub fn is_input(self) -> bool {
        matches!(self, Role::Feature | Role::Start)
    }

    /// Whether a dense vector with this role contains a 64-bit float for each class or action.
    pub fn is_wide(self) -> bool {
        matches!(self, Role::Probability | Role::ExpectedReward | Role::Start)
    }
}
