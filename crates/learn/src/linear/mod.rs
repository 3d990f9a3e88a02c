//! Linear models. Their objectives are scikit-learn's, to the constant; the intercept is never penalised.

mod elastic_net;
mod fitted;
mod lasso;
mod logistic;
mod predictor;
mod ridge;

pub use elastic_net::ElasticNet;
pub use fitted::FittedLinear;
pub use lasso::Lasso;
pub use logistic::{ClassWeight, FittedLogistic, Logistic, Penalty};
pub use predictor::{Coefficient, Predictor};
pub use ridge::Ridge;
