//! Preparation: what happens to columns before anything learns from them. One file per step; what they share is in
//! `mapping` (one column at a time, the others passed on), `joint` (several number columns of a row together), `numbers`, `recode`, `impute` and `scale`.
//!
//! All statistics are those of the training rows, each row counting once (the weight column is not used), and all
//! steps give the same answer for a row alone as within a batch.

mod bin;
mod date_parts;
mod drop_columns;
mod encode_hash;
mod encode_one_hot;
mod encode_ordinal;
mod encode_pixels;
mod encode_series;
mod encode_target;
mod encode_tfidf;
mod encode_tokens;
mod error;
mod expression;
mod formula;
mod impute;
mod impute_constant;
mod impute_iterative;
mod impute_knn;
mod impute_mean;
mod impute_median;
mod impute_mode;
mod joint;
mod mapping;
mod numbers;
mod outliers;
mod past;
mod pictures;
mod polynomial;
mod power;
mod rare_categories;
mod recode;
mod reduce_svd;
pub mod resample;
mod scale;
mod scale_min_max;
mod scale_robust;
mod scale_standard;
mod space;
mod text;

pub use bin::{Bin, BinStrategy};
pub use date_parts::DateParts;
pub use drop_columns::DropColumns;
pub use encode_hash::EncodeHash;
pub use encode_one_hot::{EncodeOneHot, OTHER};
pub use encode_ordinal::EncodeOrdinal;
pub use encode_pixels::EncodePixels;
pub use encode_series::EncodeSeries;
pub use encode_target::{EncodeTarget, Smooth};
pub use encode_tfidf::EncodeTfidf;
pub use encode_tokens::EncodeTokens;
pub use error::{PrepError, UNUSABLE_PICTURE};
pub use expression::Expression;
pub use impute::{Infinite, MISSING};
pub use impute_constant::{Constant, ImputeConstant};
pub use impute_iterative::ImputeIterative;
pub use impute_knn::{ImputeKnn, NeighborWeights};
pub use impute_mean::ImputeMean;
pub use impute_median::ImputeMedian;
pub use impute_mode::ImputeMode;
pub use outliers::{Action, Detect, Outliers};
pub use pictures::Fit;
pub use polynomial::Polynomial;
pub use power::{Power, PowerMethod};
pub use rare_categories::RareCategories;
pub use reduce_svd::ReduceSvd;
pub use scale_min_max::ScaleMinMax;
pub use scale_robust::ScaleRobust;
pub use scale_standard::ScaleStandard;
pub use space::{GeoFeatures, Layer, PointCoordinates, PointsFromXy, Project, To};
pub use text::{Terms, Unit};
