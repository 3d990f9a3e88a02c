//! Compresses the nets and trees of a model, wherever they occur in it.

use std::sync::Arc;

use tidemill_core::{Compression, Fitted, Registry, Result, Sort, State};

use crate::model::Model;

/// The model with its nets and trees made smaller; `None` where it has none.
pub(super) fn model(whole: &Model, how: &Compression, registry: &Registry) -> Result<Option<Model>> {
    let chain: Arc<dyn Fitted> = whole.chain.clone();
    match state(&chain, how, registry)? {
        Some(state) => Ok(Some(Model::load(state, registry)?)),
        None => Ok(None),
    }
}

/// The state of a fitted thing with what is in it made smaller.
fn state(part: &Arc<dyn Fitted>, how: &Compression, registry: &Registry) -> Result<Option<State>> {
    if let Some(smaller) = part.compressed(how)? {
        return Ok(Some(smaller.state()));
    }
    let parts = part.parts();
    if parts.is_empty() {
        return Ok(None);
    }
    let mut whole = part.state();
    // What prepares columns stays as it is: answers hang on it in ways that no pruning weighs.
    let prepares = registry.entry(&whole.kind).is_ok_and(|entry| matches!(entry.sort, Sort::Step(_)));
    if prepares || whole.children.len() != parts.len() {
        return Ok(None);
    }
    let mut found = false;
    for (child, part) in whole.children.iter_mut().zip(parts) {
        if let Some(smaller) = state(part, how, registry)? {
            (*child, found) = (smaller, true);
        }
    }
    Ok(found.then_some(whole))
}
