//! The kind of a column's values ([`Kind`]) and the column's purpose ([`Role`]).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of the values of a column, which also determines their Arrow type.
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
    /// A number: differences between values are meaningful.
    Number,
    /// Yes or no.
    Flag,
    /// One of a set of names.
    Category,
    /// Free text.
    Text,
    /// A timestamp, in microseconds since 1970 (UTC).
    Time,
    /// Several numbers that belong together: one-hot codes, embeddings, pixels. One column, never a thousand.
    Vector {
        /// The number of values per row.
        len: usize,
        /// Whether only the non-zero numbers are stored.
        sparse: bool,
    },
    /// An encoded image.
    Image,
    /// A place: longitude and latitude in degrees, or x and y in a plane.
    Point,
    /// Values over time in one cell, such as the recent past of what is to be forecast.
    Series,
    /// Places over time in one cell (reserved: no step reads it yet).
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

/// What the numbers of a column mean beyond their kind: the layout of a dense vector (row-major: the last dimension varies fastest), and
/// the unit of coordinates.
///
/// Learners that do not know layouts read such a vector as a list of numbers, except for tokens, which are meaningless as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// An image: planes of height x width numbers, each from 0 to 1.
    Image {
        /// 1 for grey, 3 for red, green and blue.
        channels: usize,
        /// Rows of pixels.
        height: usize,
        /// Columns of pixels.
        width: usize,
    },
    /// Timestamps in order, the oldest first, each with the same number of values.
    Steps {
        /// The number of timestamps.
        steps: usize,
        /// The number of values per timestamp.
        channels: usize,
    },
    /// Indices into a vocabulary, in the order of the text; 0 stands for padding at the end.
    Tokens {
        /// The size of the vocabulary, including 0.
        vocabulary: usize,
    },
    /// For a point column.
    Point {
        /// Longitude and latitude in degrees on the earth; otherwise x and y in a plane.
        degrees: bool,
    },
    /// For a number column: one coordinate of the row's place.
    Coordinate {
        /// Which coordinate.
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

/// The purpose of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// An input of models.
    #[default]
    Feature,
    /// What models learn to predict.
    Target,
    /// Identifies the row; links feedback to it; never a feature.
    Key,
    /// The time of the row, by which splits by time are ordered. Its date parts may still be features.
    Time,
    /// Rows of the same group are never split across parts.
    Group,
    /// The weight of the row.
    Weight,
    /// The part to which the row belongs, `train` or `test`.
    Split,
    /// The block of rows that belong together as copies, or by their key or group. Added by the split (see [`crate::BLOCK`]), so that no
    /// split, fold or early stopping divides them. Never a feature.
    #[serde(skip_deserializing)]
    #[schemars(skip)]
    Block,
    /// The keys of the rows to which a row is connected, as in `Ohio;Iowa` or, with weights, `Ohio=2;Iowa=0.5`. Never a feature: learners
    /// of graphs read it (see [`crate::recipe::Graph`]).
    Neighbors,
    /// Read but not used.
    Ignore,
    /// The prediction of a model: a class or a number.
    Prediction,
    /// The prediction of a model: one probability per class.
    Probability,
    /// For a logged decision: the reward of the action, more is better.
    Reward,
    /// For a logged decision: the probability with which its action was taken.
    Propensity,
    /// The prediction of a policy: the expected reward of each action.
    ExpectedReward,
    /// An earlier model's prediction for a row, for learners that start from it: the logarithm of the probability of each class, or a
    /// number (see [`crate::START`]). Never a feature.
    #[serde(skip_deserializing)]
    #[schemars(skip)]
    Start,
    /// A mark that a step sets on a row (for an outlier, for example).
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
