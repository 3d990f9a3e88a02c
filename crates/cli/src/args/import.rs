//! The arguments of `tidemill import`.

use std::path::PathBuf;

use clap::Args;

use super::lang::Lang;

/// `tidemill import`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill import model.txt -o churn.tidemill --target churned --classes no,yes     LightGBM, Booster.save_model
  tidemill import model.json                                                        XGBoost, save_model; also model.ubj
  tidemill import model.onnx --columns age,income,town                              scikit-learn's trees by skl2onnx")]
pub(crate) struct Import {
    /// The model: text of LightGBM, JSON or UBJSON of XGBoost, ONNX of scikit-learn's trees (skl2onnx).
    pub file: PathBuf,
    /// Where the model goes [default: the file's name with .tidemill].
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What it predicts, which these files do not say [default: target].
    #[arg(long, short)]
    pub target: Option<String>,
    /// The names of its classes in the order of their codes, with commas between [default: those of the file, else 0,1,…].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub classes: Vec<String>,
    /// The names of its columns in its own order, with commas between [default: those of the file].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// In which language.
    #[command(flatten)]
    pub lang: Lang,
}
