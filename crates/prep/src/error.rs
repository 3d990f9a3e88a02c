//! What can go wrong while a step learns, beyond what `core` already names.

use tidemill_core::Coded;
use tidemill_kernel::picture::Unusable;

/// The code of [`PrepError::UnusablePicture`], by which a server tells a caller's image from a fault of its own.
pub const UNUSABLE_PICTURE: &str = tidemill_kernel::picture::UNUSABLE;

/// The errors of this room.
#[derive(Debug, thiserror::Error)]
pub enum PrepError {
    /// A step was told to change the column that is to be predicted.
    #[error("step '{step}' names column '{column}', which is the target")]
    TargetNamed {
        /// The step's kind.
        step: &'static str,
        /// The target's name.
        column: String,
    },
    /// A constant of one kind was given for a column of another.
    #[error("'value' is {value}, but column '{column}' holds {wanted}")]
    ConstantKind {
        /// The column.
        column: String,
        /// The constant, as written.
        value: String,
        /// What the column holds, in words.
        wanted: &'static str,
    },
    /// The order given for a column leaves out a value that is in the data.
    #[error("column '{column}' has the value '{value}', which its 'order' does not list")]
    NotInOrder {
        /// The column.
        column: String,
        /// The value left out.
        value: String,
    },
    /// An order was given for a column that the step does not work on.
    #[error("'order' lists values of column '{column}', which this step does not work on")]
    OrderUnused {
        /// The column.
        column: String,
    },
    /// Classes were to be balanced where the target has none.
    #[error("'{kind}' brings classes into balance, and the target is a number")]
    NothingToBalance {
        /// The resampler's kind.
        kind: &'static str,
    },
    /// Bytes that cannot be used as an image.
    #[error("column '{column}'{}: {why}", at(.row))]
    UnusablePicture {
        /// The column.
        column: String,
        /// The row among those at hand, from 1; none where it is alone.
        row: Option<usize>,
        /// What is wrong with it.
        why: Unusable,
    },
    /// Points in a plane where degrees are needed.
    #[error("column '{column}' holds x and y in a plane, and 'project' starts from longitude and latitude")]
    PlanarPoint {
        /// The column.
        column: String,
    },
    /// A frame of more numbers than an image may become.
    #[error(
        "'width' x 'height' x 'channels' are {numbers} numbers, more than the {most} that an image may become"
    )]
    PictureTooFine {
        /// So many.
        numbers: usize,
        /// The most.
        most: usize,
    },
}

fn at(row: &Option<usize>) -> String {
    row.map(|row| format!(", row {row}")).unwrap_or_default()
}

impl Coded for PrepError {
    fn code(&self) -> &'static str {
        match self {
            PrepError::TargetNamed { .. } => "prep_target_named",
            PrepError::ConstantKind { .. } => "prep_constant_kind",
            PrepError::NotInOrder { .. } => "prep_not_in_order",
            PrepError::OrderUnused { .. } => "prep_order_unused",
            PrepError::NothingToBalance { .. } => "prep_nothing_to_balance",
            PrepError::UnusablePicture { .. } => UNUSABLE_PICTURE,
            PrepError::PlanarPoint { .. } => "prep_planar_point",
            PrepError::PictureTooFine { .. } => "prep_picture_too_fine",
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            PrepError::TargetNamed { .. } => {
                "steps prepare features: take the target out of the step's 'columns'".into()
            }
            PrepError::ConstantKind { .. } => {
                "give a number for numbers, true or false for flags, a text for categories, and name the \
                 'columns' it is for"
                    .into()
            }
            PrepError::NotInOrder { value, .. } => format!("add '{value}' to the 'order' of this column"),
            PrepError::UnusablePicture { .. } => {
                "give a whole PNG, JPEG, GIF, BMP or WebP image, or none where there is none".into()
            }
            PrepError::PlanarPoint { .. } => {
                "say which system they are in, such as from = 25832, or leave the step out".into()
            }
            PrepError::PictureTooFine { .. } => "give smaller sides".into(),
            PrepError::NothingToBalance { .. } => {
                "leave [balance] out of the recipe, or give 'quantiles' that cut the target into bins".into()
            }
            PrepError::OrderUnused { column } => {
                format!("name '{column}' in 'columns', or take its 'order' away")
            }
        })
    }
}
