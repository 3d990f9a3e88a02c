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
    /// The model: a text file of LightGBM, JSON or UBJSON of XGBoost, or ONNX of scikit-learn's trees (skl2onnx).
    pub file: PathBuf,
    /// The file for the model [default: the name of the file with .tidemill].
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The name of the target, which these files do not contain [default: target].
    #[arg(long, short)]
    pub target: Option<String>,
    /// The names of the classes in the order of their codes, separated by commas [default: those of the file, else 0,1,…].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub classes: Vec<String>,
    /// The names of the columns in the model's order, separated by commas [default: those of the file].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// The language.
    #[command(flatten)]
    pub lang: Lang,
}
