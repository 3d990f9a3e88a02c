//! Training's state on disk: whole or not at all, so that a run cut at any instant goes on as if it never was.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tidemill_core::{Error, Result, Runtime};

use super::batches::Rows;
use super::optimizer::Moments;
use super::progress::Progress;
use super::scale::Scale;
use crate::NeuralNet;
use crate::head::Truth;
use crate::net::Net;

/// The file of one run of training in the user's folder of checkpoints.
pub(crate) struct Checkpoint {
    path: PathBuf,
    resume: bool,
    n_parameters: usize,
}

/// What is saved beside the arrays. Floats are written so that they are read as the same bits.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    version: u32,
    steps: u64,
    epoch: usize,
    batch: usize,
    loss: f64,
    weight: f64,
    shrink: f64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    scale: Option<Scale>,
    retries: usize,
    waited: usize,
    flat: usize,
    best: Option<f64>,
    finished: bool,
}

const VERSION: u32 = 1;
/// What a file begins with; behind it the SHA-256 of all that follows.
const MAGIC: &[u8; 8] = b"tmstate1";
const HEAD: usize = MAGIC.len() + 32;

impl Checkpoint {
    /// The file of the run with this fingerprint, where the user asked for one.
    pub(crate) fn of(runtime: &Runtime, fingerprint: u64, n_parameters: usize) -> Result<Option<Self>> {
        let Some(folder) = &runtime.checkpoint else { return Ok(None) };
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
        let path = folder.join(format!("net-{fingerprint:016x}.safetensors"));
        Ok(Some(Checkpoint { path, resume: runtime.resume, n_parameters }))
    }

    /// Writes the state in the place of the last one.
    pub(crate) fn write(&self, progress: &Progress) -> Result<()> {
        let place = Place {
            version: VERSION,
            steps: progress.moments.steps,
            epoch: progress.epoch,
            batch: progress.batch,
            loss: progress.loss,
            weight: progress.weight,
            shrink: progress.shrink,
            scale: progress.scale,
            retries: progress.retries,
            waited: progress.waited,
            flat: progress.flat,
            best: progress.best.as_ref().map(|(loss, _)| *loss),
            finished: progress.finished,
        };
        let place = serde_json::to_vec(&place).map_err(|e| Error::internal(format!("checkpoint: {e}")))?;
        let mut arrays = vec![
            ("first", Array::floats(&progress.moments.first)),
            ("place", Array::bytes(&place)),
            ("second", Array::floats(&progress.moments.second)),
            ("values", Array::floats(&progress.values)),
        ];
        if let Some((_, values)) = &progress.best {
            arrays.push(("best", Array::floats(values)));
        }
        let bytes =
            safetensors::serialize(arrays, None).map_err(|e| Error::internal(format!("checkpoint: {e}")))?;
        let whole = [MAGIC.as_slice(), Sha256::digest(&bytes).as_slice(), &bytes].concat();
        tidemill_core::replace(&self.path, &whole).map_err(|e| Error::io(&self.path, e))
    }

    /// The state to go on from: none without `--resume` or where the run never left one. Errors when the file is damaged.
    pub(crate) fn read(&self) -> Result<Option<Progress>> {
        if !self.resume || !self.path.exists() {
            return Ok(None);
        }
        // A state is four arrays at most, and the place; what is larger is not a state of this run.
        let most = 16 * self.n_parameters as u64 + 65_536;
        let mut bytes = Vec::new();
        let file = File::open(&self.path).map_err(|e| Error::io(&self.path, e))?;
        file.take(most + 1).read_to_end(&mut bytes).map_err(|e| Error::io(&self.path, e))?;
        if bytes.len() as u64 > most {
            return Err(self.damaged("it is larger than the state of this net"));
        }
        let content = match bytes.split_at_checked(HEAD) {
            Some((head, content)) if head.starts_with(MAGIC) => (&head[MAGIC.len()..], content),
            _ => return Err(self.damaged("it does not begin as a state does")),
        };
        if Sha256::digest(content.1).as_slice() != content.0 {
            return Err(self.damaged("its content does not match its SHA-256"));
        }
        self.parse(content.1).map(Some)
    }

    fn parse(&self, bytes: &[u8]) -> Result<Progress> {
        let arrays = SafeTensors::deserialize(bytes).map_err(|e| self.damaged(e))?;
        let place = arrays.tensor("place").map_err(|e| self.damaged(e))?;
        let place: Place = serde_json::from_slice(place.data()).map_err(|e| self.damaged(e))?;
        if place.version != VERSION {
            return Err(self.damaged("another version of tidemill wrote it"));
        }
        let floats = |name: &str, may_be_empty: bool| {
            let array = arrays.tensor(name).map_err(|e| self.damaged(e))?;
            let n = array.data().len() / 4;
            if array.dtype() != Dtype::F32 || !(n == self.n_parameters || (may_be_empty && n == 0)) {
                return Err(self.damaged(format!("'{name}' is not of this net")));
            }
            let numbers = array.data().as_chunks::<4>().0;
            Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect::<Vec<f32>>())
        };
        let best = match place.best {
            Some(loss) => Some((loss, floats("best", false)?)),
            None => None,
        };
        let (first, second) = (floats("first", false)?, floats("second", true)?);
        Ok(Progress {
            values: floats("values", false)?,
            moments: Moments { steps: place.steps, first, second },
            epoch: place.epoch,
            batch: place.batch,
            loss: place.loss,
            weight: place.weight,
            shrink: place.shrink,
            scale: place.scale,
            retries: place.retries,
            waited: place.waited,
            flat: place.flat,
            best,
            finished: place.finished,
        })
    }

    fn damaged(&self, problem: impl std::fmt::Display) -> Error {
        Error::data(
            format!("{}: no checkpoint to go on from: {problem}", self.path.display()),
            "nothing: training starts anew and replaces it",
        )
    }
}

/// What tells one run of training from another: the learner's parameters, what the encoders learned, the seed, and the
/// rows with their truth (FNV-1a).
pub(crate) fn fingerprint(options: &NeuralNet, net: &Net, seed: u64, rows: &Rows<'_>) -> Result<u64> {
    let options = serde_json::to_vec(options).map_err(|e| Error::internal(format!("checkpoint: {e}")))?;
    let mut hash = 0xcbf2_9ce4_8422_2325u64 ^ seed;
    let mut mix = |bytes: &[u8]| {
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    mix(&options);
    // The figures in what encoders learned stand for the rows that they come from.
    net.encoders.iter().for_each(|encoder| mix(format!("{:?}", encoder.state()).as_bytes()));
    rows.rows.iter().for_each(|row| mix(&row.to_le_bytes()));
    match rows.truth {
        Truth::Numbers(values) | Truth::Rows(values, _) => values.iter().for_each(|y| mix(&y.to_le_bytes())),
        Truth::Classes(codes) => codes.iter().for_each(|code| mix(&code.to_le_bytes())),
    }
    rows.weights.iter().for_each(|w| mix(&w.to_le_bytes()));
    Ok(hash)
}

/// A run of numbers as safetensors wants to see it.
struct Array<'a> {
    shape: [usize; 1],
    data: ArrayData<'a>,
}

enum ArrayData<'a> {
    Floats(&'a [f32]),
    Bytes(&'a [u8]),
}

impl<'a> Array<'a> {
    fn floats(values: &'a [f32]) -> Self {
        Array { shape: [values.len()], data: ArrayData::Floats(values) }
    }

    fn bytes(bytes: &'a [u8]) -> Self {
        Array { shape: [bytes.len()], data: ArrayData::Bytes(bytes) }
    }
}

impl View for Array<'_> {
    fn dtype(&self) -> Dtype {
        match self.data {
            ArrayData::Floats(_) => Dtype::F32,
            ArrayData::Bytes(_) => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self.data {
            ArrayData::Floats(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            ArrayData::Bytes(bytes) => Cow::Borrowed(bytes),
        }
    }

    fn data_len(&self) -> usize {
        match self.data {
            ArrayData::Floats(values) => 4 * values.len(),
            ArrayData::Bytes(bytes) => bytes.len(),
        }
    }
}
