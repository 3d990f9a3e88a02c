//! `tidemill search`.

use std::path::Path;

use serde_json::json;
use tidemill_engine::core::{Context, Error, Result};
use tidemill_engine::error::EngineError;
use tidemill_engine::verbs::texts::{Found, Texts, write_found};
use tidemill_language::{Embedder, Vectors, read_texts};

use super::context;
use super::embed::with_vectors;
use crate::args::Cli;
use crate::args::language::Search;
use crate::show::Shown;

/// Finds texts by their vectors.
pub(super) fn search(args: &Search, cli: &Cli) -> Result<Shown> {
    let context = context(cli, 0, None)?;
    if args.k == 0 {
        return Err(Error::parameter("k", "is 0; at least 1 is needed"));
    }
    let embedder = args.model.as_deref().map(Embedder::open).transpose()?;
    let read = |file: &Path| embedded(file, &args.column, embedder.as_ref(), &context);
    let texts = read(&args.texts)?;
    let vectors = Vectors::new(texts.vectors.clone(), texts.width.max(1))?;
    let finds = match (args.duplicates, &args.queries) {
        (Some(at_least), _) => duplicates(&texts, &vectors, at_least)?,
        (None, Some(file)) => nearest(args, &texts, &vectors, &read(file)?)?,
        (None, None) => {
            let Some(embedder) = &embedder else { return Err(Error::internal("a query without an encoder")) };
            nearest(args, &texts, &vectors, &with_vectors(args.query.clone(), embedder, &context)?)?
        }
    };
    let document = json!({ "texts": texts.texts.len(), "found": finds, "out": args.out });
    let on_screen = args.out == "-";
    // One document is all that goes to standard output then.
    if !(on_screen && cli.json) {
        write_found(&finds, &args.out)?;
    }
    let text = if on_screen { String::new() } else { format!("{} found: {}\n", finds.len(), args.out) };
    Ok(Shown::new(text, document))
}

/// What a file holds: vectors as they are, or texts that the encoder turns into some.
fn embedded(file: &Path, column: &str, embedder: Option<&Embedder>, context: &Context) -> Result<Texts> {
    if let Some(texts) = Texts::read(file)? {
        return match embedder {
            Some(embedder) if embedder.width() != texts.width => {
                let (has, gives) = (texts.width, embedder.width());
                let problem =
                    format!("{} has vectors of {has} numbers, the encoder gives {gives}", file.display());
                Err(EngineError::usage(problem, "name the encoder that made them").into())
            }
            _ => Ok(texts),
        };
    }
    let Some(embedder) = embedder else {
        let problem = format!("{} holds no vectors", file.display());
        return Err(EngineError::usage(
            problem,
            "name an encoder with --model, or write them with `tidemill embed`",
        )
        .into());
    };
    with_vectors(read_texts(file, column)?, embedder, context)
}

fn nearest(args: &Search, texts: &Texts, vectors: &Vectors, queries: &Texts) -> Result<Vec<Found>> {
    let hits = vectors.nearest(&queries.vectors, args.k, args.approximate)?;
    let of_query = |(i, hits): (usize, Vec<tidemill_language::Hit>)| {
        let query = &queries.texts[i];
        let each = hits.into_iter().enumerate().map(move |(rank, hit)| Found {
            query_row: i + 1,
            query: query.clone(),
            rank: rank + 1,
            row: hit.place + 1,
            similarity: hit.similarity,
            text: texts.texts[hit.place].clone(),
        });
        each.collect::<Vec<_>>()
    };
    Ok(hits.into_iter().enumerate().flat_map(of_query).collect())
}

/// Each pair once: the later text is what is found, the earlier one what it was found for.
fn duplicates(texts: &Texts, vectors: &Vectors, at_least: f64) -> Result<Vec<Found>> {
    if !(-1.0..=1.0).contains(&at_least) {
        return Err(Error::parameter("duplicates", format!("is {at_least}; from -1 to 1 is possible")));
    }
    let found = vectors.alike(at_least).into_iter().map(|(first, second, similarity)| Found {
        query_row: first + 1,
        query: texts.texts[first].clone(),
        rank: 1,
        row: second + 1,
        similarity,
        text: texts.texts[second].clone(),
    });
    Ok(found.collect())
}
