//! Decision trees grown from histograms: features quantised to at most 255 bins, gradients to whole numbers, so that
//! a histogram is additions of 64-bit words, a sibling's histogram one subtraction, and the order of the sums never
//! matters: the same trees whatever the threads.
//!
//! After LightGBM (Ke et al. 2017) and XGBoost (Chen and Guestrin 2016) for the method, and Shi et al. 2022,
//! "Quantized Training of Gradient Boosting Decision Trees", for whole-numbered gradients with random rounding.

mod bins;
mod boost;
mod forest;
mod histogram;
mod isolation;
mod quantized;
mod split;

pub use bins::{Binned, Values};
pub use boost::{Grower, Growth, Leaf, Order};
pub use forest::{
    ByteColumns, ClassLabels, ForestGround, ForestGrowth, Item, Labels, NumberLabels,
    grow as grow_forest_tree,
};
pub use isolation::IsolationForest;
pub use quantized::QuantizedGradients;
