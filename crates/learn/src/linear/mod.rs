//! Linear models. Their objectives are scikit-learn's, to the constant; the intercept is never penalised.

mod elastic_net;
mod fitted;
mod gamma;
mod glm;
mod huber;
mod lasso;
mod logistic;
mod poisson;
mod predictor;
mod quantile;
mod ridge;
mod sgd;
mod tweedie;

pub use elastic_net::ElasticNet;
pub use fitted::FittedLinear;
pub use gamma::Gamma;
pub use huber::Huber;
pub use lasso::Lasso;
pub use logistic::{FittedLogistic, Logistic, Penalty};
pub use poisson::Poisson;
pub(crate) use predictor::BoundPredictor;
pub use predictor::{Coefficient, Predictor};
pub use quantile::QuantileRegression;
pub use ridge::Ridge;
pub use sgd::{FittedSgd, Sgd, SgdLoss};
pub use tidemill_kernel::ClassWeight;
pub use tweedie::Tweedie;
