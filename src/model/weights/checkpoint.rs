//! A checkpoint file, safetensors or a PyTorch state dict, read tensor by tensor.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use candle_core::{
    DType, Device, Tensor,
    pickle::PthTensors,
    safetensors::{Load, MmapedSafetensors},
};

use super::{WeightsError, first_not_finite};

/// An open checkpoint.
pub(super) struct Checkpoint {
    path: PathBuf,
    format: Format,
}

enum Format {
    Safetensors(MmapedSafetensors),
    Pickle(PthTensors),
}

/// Training checkpoints wrap the state dict under this key.
const STATE_DICT: &str = "state_dict";

impl Checkpoint {
    /// Opens `path`, whichever of the two formats its first bytes show.
    pub(super) fn open(path: &Path) -> Result<Self, WeightsError> {
        let unreadable = |reason: String| WeightsError::Unreadable { path: path.into(), reason };
        let is_zip = begins_as_zip(path)
            .map_err(|reason| WeightsError::Open { path: path.into(), reason })?;
        let format = if is_zip {
            open_pickle(path).map_err(unreadable)?
        } else {
            Format::Safetensors(map(path).map_err(|error| unreadable(error.to_string()))?)
        };
        Ok(Self { path: path.to_owned(), format })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Names of all tensors, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = match &self.format {
            Format::Safetensors(file) => file.tensors().into_iter().map(|(name, _)| name).collect(),
            Format::Pickle(file) => file.tensor_infos().keys().cloned().collect(),
        };
        names.sort();
        names
    }

    /// Whether there is a tensor `name`.
    pub(super) fn contains(&self, name: &str) -> bool {
        match &self.format {
            Format::Safetensors(file) => file.get(name).is_ok(),
            Format::Pickle(file) => file.tensor_infos().contains_key(name),
        }
    }

    /// The tensor `name` in f32 on the CPU, if it has the shape `expected` and finite numbers.
    pub(super) fn tensor(&self, name: &str, expected: &[usize]) -> candle_core::Result<Tensor> {
        if !self.contains(name) {
            return Err(self.missing(name, expected));
        }
        let tensor = match &self.format {
            Format::Safetensors(file) => self.mapped(file, name, expected)?,
            Format::Pickle(file) => self.pickled(file, name, expected)?,
        };
        let tensor = tensor.to_dtype(DType::F32)?.contiguous()?;
        match first_not_finite(&tensor) {
            None => Ok(tensor),
            Some((index, found)) => Err(candle_core::Error::wrap(WeightsError::NotFinite {
                path: self.path.clone(),
                tensor: name.to_owned(),
                index,
                found,
            })),
        }
    }

    fn mapped(
        &self,
        file: &MmapedSafetensors,
        name: &str,
        expected: &[usize],
    ) -> candle_core::Result<Tensor> {
        let view = file.get(name)?;
        let dtype = DType::try_from(view.dtype()).ok();
        self.check(name, (expected, view.shape()), (dtype, &format!("{:?}", view.dtype())))?;
        view.load(&Device::Cpu)
    }

    fn pickled(
        &self,
        file: &PthTensors,
        name: &str,
        expected: &[usize],
    ) -> candle_core::Result<Tensor> {
        let missing = || self.missing(name, expected);
        let info = file.tensor_infos().get(name).ok_or_else(missing)?;
        let found = info.layout.dims();
        self.check(name, (expected, found), (Some(info.dtype), info.dtype.as_str()))?;
        if info.layout.start_offset() != 0 {
            // candle would read from the storage's beginning.
            let (path, tensor) = (self.path.clone(), name.to_owned());
            return Err(candle_core::Error::wrap(WeightsError::View { path, tensor }));
        }
        file.get(name)?.ok_or_else(missing)
    }

    fn check(
        &self,
        name: &str,
        (expected, found): (&[usize], &[usize]),
        (dtype, dtype_name): (Option<DType>, &str),
    ) -> candle_core::Result<()> {
        let (path, tensor) = (self.path.clone(), name.to_owned());
        if expected != found {
            let (expected, found) = (expected.to_vec(), found.to_vec());
            let error = WeightsError::Shape { path, tensor, expected, found };
            return Err(candle_core::Error::wrap(error));
        }
        if !matches!(dtype, Some(DType::F32 | DType::F16 | DType::BF16)) {
            let error = WeightsError::Type { path, tensor, found: dtype_name.to_uppercase() };
            return Err(candle_core::Error::wrap(error));
        }
        Ok(())
    }

    fn missing(&self, name: &str, expected: &[usize]) -> candle_core::Error {
        let (path, tensor) = (self.path.clone(), name.to_owned());
        candle_core::Error::wrap(WeightsError::Missing {
            path,
            tensor,
            expected: expected.to_vec(),
        })
    }
}

#[allow(unsafe_code, reason = "memory mapping")]
fn map(path: &Path) -> candle_core::Result<MmapedSafetensors> {
    // SAFETY: the file must not change while it is mapped. Ours are mapped during the load alone,
    // and downloads are moved into place whole, never written in place.
    unsafe { MmapedSafetensors::new(path) }
}

fn begins_as_zip(path: &Path) -> std::io::Result<bool> {
    let mut magic = Vec::with_capacity(4);
    File::open(path)?.take(4).read_to_end(&mut magic)?;
    Ok(magic == *b"PK\x03\x04")
}

fn open_pickle(path: &Path) -> Result<Format, String> {
    for key in [None, Some(STATE_DICT)] {
        match PthTensors::new(path, key) {
            Ok(file) if !file.tensor_infos().is_empty() => return Ok(Format::Pickle(file)),
            // A file without the key holds no tensors under it.
            Err(error) if key.is_none() => return Err(error.to_string()),
            _ => {}
        }
    }
    Err("no tensors in it".to_owned())
}
