//! Where gradients are computed.

use burn::tensor::Device;
use tidemill_core::{Error, Result, Runtime};

/// The device that the user asked for. Without `cuda` among the features of the build there is the CPU alone.
pub(crate) fn device(runtime: &Runtime) -> Result<Device> {
    match runtime.device.as_deref() {
        Some("cpu") => Ok(Device::flex()),
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
    device(runtime).map(drop)
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

/// Whether shards of a batch gain nothing here: a GPU works on all rows at once.
pub(crate) fn takes_whole_batches(device: &Device) -> bool {
    *device != Device::flex()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str) -> Result<Device> {
        device(&Runtime { device: Some(name.into()), ..Runtime::default() })
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert!(asked("cpu").is_ok() && device(&Runtime::default()).is_ok());
        assert!(asked("gpu").unwrap_err().to_string().contains("cuda:0"));
        assert!(asked("cuda:99").unwrap_err().to_string().contains("cuda"));
    }
}
