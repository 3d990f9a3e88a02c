//! `tidemill merge`.

use serde_json::json;
use tidemill_engine::core::Result;
use tidemill_engine::model::language::{Opened, Place};
use tidemill_language::{Adapter, Model, export};

use super::generate::adapter;
use crate::args::language::Merge;
use crate::show::Shown;

/// Writes a checkpoint with its adapter merged in.
pub(super) fn merge(args: &Merge) -> Result<Shown> {
    let (path, adapter) = opened(args)?;
    let tensors = export(&path, adapter.as_ref(), args.dtype.into(), &args.out)?;
    let with = if adapter.is_some() { ", the adapter merged in" } else { ", without an adapter" };
    let document = json!({ "tensors": tensors, "adapter": adapter.is_some(), "out": args.out });
    Ok(Shown::new(format!("{tensors} tensors{with}: {}\n", args.out.display()), document))
}

/// Where the checkpoint lies, and what is merged in.
fn opened(args: &Merge) -> Result<(std::path::PathBuf, Option<Adapter>)> {
    if args.adapter.is_some() {
        let model = Model::open(&args.model)?;
        return Ok((args.model.clone(), adapter(args.adapter.as_deref(), &model)?));
    }
    let place = Place::of(&args.model)?;
    if !place.file.exists() && place.adapter.is_none() {
        return Ok((place.base, None));
    }
    let opened = Opened::open(&args.model)?;
    Ok((opened.place.base, opened.adapter))
}
