//! A step of answers that grow together: each reads a piece of its prompt, or says a token. All of them go through the model at
//! once, so that its weights are read once; an answer has the same bits alone and among others.

use std::ops::ControlFlow;

use rayon::prelude::*;

use super::generation::Generation;
use crate::blocks::decoder::Part;
use crate::model::Model;
use crate::tune::lora::Adapter;

/// Tokens of prompts that go through the model at once: bounds the memory for their states.
const CHUNK: usize = 512;
/// The same where other answers are being said meanwhile: bounds how long these wait for their next token.
const BESIDE: usize = 64;

/// How many tokens each answer feeds to the model in the next step.
pub(super) fn pieces<'a>(running: impl Iterator<Item = &'a Generation> + Clone) -> Vec<usize> {
    let speaks = running.clone().any(|one| !one.ended() && !one.reads());
    let mut left = if speaks { BESIDE } else { CHUNK };
    let piece = |one: &Generation| match one {
        one if one.ended() => 0,
        one if one.reads() => {
            let n = one.pending().min(left);
            left -= n;
            n
        }
        _ => 1,
    };
    running.map(piece).collect()
}

/// One step; `listen` is asked of each answer, by its place, before each piece of its prompt and after each of its tokens.
pub(super) fn step(
    model: &Model,
    adapter: Option<&Adapter>,
    running: &mut [&mut Generation],
    listen: &mut dyn FnMut(usize, &str) -> ControlFlow<()>,
) {
    for (i, one) in running.iter_mut().enumerate() {
        if !one.ended() && one.reads() && listen(i, "").is_break() {
            one.cancel();
        }
    }
    let pieces = pieces(running.iter().map(|one| &**one));
    let fed = running.iter_mut().zip(&pieces).filter(|(_, n)| **n > 0);
    let mut parts: Vec<Part<'_>> = fed
        .map(|(one, n)| {
            let (tokens, cache) = one.feed(*n);
            Part { tokens, cache }
        })
        .collect();
    if parts.is_empty() {
        return;
    }
    let states = model.decoder.states(model.config(), &mut parts, adapter);
    let d = model.config().hidden;
    let (mut end, mut last) = (0, Vec::new());
    // Whoever has read everything says a token next.
    let mut speaking = Vec::new();
    for (i, (one, n)) in running.iter_mut().zip(&pieces).enumerate().filter(|(_, (_, n))| **n > 0) {
        end += n;
        if one.pending() == 0 {
            last.extend_from_slice(&states[(end - 1) * d..end * d]);
            speaking.push((i, one));
        }
    }
    if speaking.is_empty() {
        return;
    }
    let mut logits = model.decoder.logits(&last);
    let rows = logits.par_chunks_mut(model.config().vocabulary);
    let said: Vec<(usize, String)> =
        speaking.into_par_iter().zip(rows).map(|((i, one), logits)| (i, one.say(model, logits))).collect();
    for (i, piece) in said {
        let one = &mut running[i];
        if !one.ended() {
            one.heard(listen(i, &piece));
        }
    }
}
