//! `tidemill embed`.

use std::fmt::Write;
use std::path::Path;

use serde_json::json;
use tidemill_engine::core::{Error, Result};
use tidemill_language::{Embedder, read_texts};

use super::context;
use crate::args::Cli;
use crate::args::language::Embed;
use crate::show::Shown;

/// Texts that are embedded between two looks at Ctrl-C.
const BATCH: usize = 256;

/// Writes a line with text and vector for each text.
pub(super) fn embed(args: &Embed, cli: &Cli) -> Result<Shown> {
    let context = context(cli, 0, None)?;
    let texts = read_texts(&args.texts, &args.column)?;
    let embedder = Embedder::open(&args.model)?;
    let mut lines = String::new();
    for batch in texts.chunks(BATCH) {
        context.check()?;
        let vectors = embedder.embed(batch)?;
        for (text, vector) in batch.iter().zip(vectors.chunks(embedder.width())) {
            // Writing into a text cannot fail.
            let _ = writeln!(lines, "{}", json!({ "text": text, "vector": vector }));
        }
    }
    let document = json!({ "texts": texts.len(), "width": embedder.width(), "out": args.out });
    if args.out == "-" {
        return Ok(Shown::new(lines, document));
    }
    std::fs::write(Path::new(&args.out), lines).map_err(|e| Error::io(&args.out, e))?;
    let text = format!("{} texts, {} numbers each: {}\n", texts.len(), embedder.width(), args.out);
    Ok(Shown::new(text, document))
}
