//! `tidemill embed`.

use serde_json::json;
use tidemill_engine::core::{Context, Result};
use tidemill_engine::verbs::texts::Texts;
use tidemill_language::{Embedder, read_texts};

use super::context;
use crate::args::Cli;
use crate::args::language::Embed;
use crate::show::Shown;

/// Texts that are embedded between two looks at Ctrl-C.
const BATCH: usize = 256;

/// Writes each text with its vector.
pub(super) fn embed(args: &Embed, cli: &Cli) -> Result<Shown> {
    let context = context(cli, 0, None)?;
    let texts = read_texts(&args.texts, &args.column)?;
    let embedder = Embedder::open_as(&args.model, args.pooling.map(Into::into), args.normalize)?;
    let embedded = with_vectors(texts, &embedder, &context)?;
    let (n, width) = (embedded.texts.len(), embedded.width);
    let document = json!({ "texts": n, "width": width, "out": args.out });
    if args.out == "-" {
        return Ok(Shown::new(embedded.lines(), document));
    }
    embedded.write(&args.out)?;
    Ok(Shown::new(format!("{n} texts, {width} numbers each: {}\n", args.out), document))
}

/// Texts with the vectors that an encoder gives them.
pub(super) fn with_vectors(texts: Vec<String>, embedder: &Embedder, context: &Context) -> Result<Texts> {
    let width = embedder.width();
    let mut vectors = Vec::with_capacity(texts.len() * width);
    for batch in texts.chunks(BATCH) {
        context.check()?;
        vectors.extend(embedder.embed(batch)?);
    }
    Ok(Texts { texts, vectors, width })
}
