//! Where gradients are computed.

use burn::tensor::{DType, Device};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Error, Result, Runtime};

/// In which numbers a net goes forwards and back in training. Parameters, losses and steps stay in 32 bits, and so do the
/// moments of norms and the shares of attention (Micikevicius et al. 2018, "Mixed precision training"); a trained net answers
/// in 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32 bits throughout.
    #[default]
    Float32,
    /// 16 bits with the range of 32: for GPUs, which multiply these several times as fast.
    Bfloat16,
    /// 16 bits, finer than `bfloat16` and of less range: the loss is scaled so that no gradient vanishes.
    Float16,
}

impl Precision {
    pub(crate) fn dtype(self) -> DType {
        match self {
            Precision::Float32 => DType::F32,
            Precision::Bfloat16 => DType::BF16,
            Precision::Float16 => DType::F16,
        }
    }

    /// Whether it is what a recipe means that says nothing.
    pub(crate) fn is_full(&self) -> bool {
        *self == Precision::Float32
    }
}

/// Multiplications on a step's way forwards from which a GPU is taken unasked. Starting its kernels takes longer than a processor
/// takes for less: on an H200 nets of 20 and 65 million gained nothing, those of 240 million half and more (`bench/RESULTS.md`).
const WORTH_A_GPU: usize = 100_000_000;

/// The device that the user asked for; where none was named, the first GPU for steps of so many multiplications that it gains
/// something. Without `cuda` among the features of the build there is the CPU alone.
pub(crate) fn device(runtime: &Runtime, multiplications: usize) -> Result<Device> {
    match runtime.device.as_deref() {
        Some("cpu") => Ok(Device::flex()),
        None if multiplications < WORTH_A_GPU => Ok(Device::flex()),
        None => Ok(gpu(0).unwrap_or_else(|_| Device::flex())),
        Some(name) => match name.strip_prefix("cuda:").and_then(|number| number.parse().ok()) {
            Some(number) => gpu(number),
            None => {
                Err(Error::parameter("device", format!("is '{name}', but must be auto, cpu, or as cuda:0")))
            }
        },
    }
}

/// Errors when the device that was asked for is not there, before anything is trained.
///
/// ```
/// use tidemill_core::Runtime;
/// let asked = Runtime { device: Some("gpu".into()), ..Runtime::default() };
/// assert!(tidemill_neural::check_device(&asked).is_err());
/// ```
pub fn check_device(runtime: &Runtime) -> Result<()> {
    device(runtime, 0).map(drop)
}

#[cfg(not(feature = "cuda"))]
fn gpu(number: usize) -> Result<Device> {
    let problem =
        format!("is cuda:{number}, but this build trains on the CPU alone; build it with --features cuda");
    Err(Error::parameter("device", problem))
}

#[cfg(feature = "cuda")]
fn gpu(number: usize) -> Result<Device> {
    use burn::tensor::DeviceType;
    let found = Device::enumerate(DeviceType::Cuda).len();
    if number < found {
        return Ok(Device::cuda(number));
    }
    let problem = format!("is cuda:{number}, but {found} such devices were found");
    Err(Error::parameter("device", problem))
}

/// Where and in which numbers gradients are computed.
#[derive(Clone, Debug)]
pub(crate) struct Arithmetic {
    pub device: Device,
    pub precision: Precision,
}

impl Arithmetic {
    /// The processor's, in 32 bits.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Arithmetic { device: Device::flex(), precision: Precision::Float32 }
    }

    /// Whether a batch goes through the whole net as one graph: a GPU works on all rows at once, and what is written by hand
    /// is for 32 bits.
    pub(crate) fn is_one_graph(&self) -> bool {
        self.device != Device::flex() || !self.precision.is_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str) -> Result<Device> {
        device(&Runtime { device: Some(name.into()), ..Runtime::default() }, 0)
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert!(asked("cpu").is_ok() && device(&Runtime::default(), WORTH_A_GPU).is_ok());
        assert!(asked("gpu").unwrap_err().to_string().contains("cuda:0"));
        assert!(asked("cuda:99").unwrap_err().to_string().contains("cuda"));
    }
}
