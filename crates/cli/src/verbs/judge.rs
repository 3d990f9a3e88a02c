//! `tidemill judge`.

use std::fmt::Write;
use std::path::Path;

use tidemill_engine::core::Result;
use tidemill_engine::verbs::judge_texts::{By, Judgement, Perplexity, Speaker, judge as judged};
use tidemill_language::{Model, read_judged, read_pairs};
use tidemill_server::judge::Judge as Elsewhere;

use super::generate::adapter;
use super::{context, json_of};
use crate::args::Cli;
use crate::args::language::{Judge, Measure};
use crate::show::Shown;

/// The variable that holds the key of a judge.
const KEY: &str = "TIDEMILL_JUDGE_KEY";

impl From<Measure> for By {
    fn from(measure: Measure) -> Self {
        match measure {
            Measure::TokenF1 => By::TokenF1,
            Measure::RougeL => By::RougeL,
            Measure::Chrf => By::Chrf,
            Measure::EditDistance => By::EditDistance,
        }
    }
}

/// Judges texts by references, by a model, and against other answers.
pub(super) fn judge(args: &Judge, cli: &Cli) -> Result<Shown> {
    let context = context(cli, 0, None)?;
    let mut texts = read_judged(&args.texts)?;
    let train = args.train.as_deref().map(read_pairs).transpose()?;
    let model = args.model.as_deref().map(Model::open).transpose()?;
    let adapters = |model: &Model| -> Result<_> {
        let first = adapter(args.adapter.as_deref(), model)?;
        let other = match args.other_adapter.as_deref() {
            None => None,
            Some(none) if none == Path::new("none") => Some(None),
            folder => Some(adapter(folder, model)?),
        };
        Ok((first, other))
    };
    let adapters = model.as_ref().map(adapters).transpose()?;
    let speaker = model.as_ref().zip(adapters.as_ref()).map(|(model, (first, other))| Speaker {
        model,
        adapter: first.as_ref(),
        other: other.as_ref().map(Option::as_ref),
        max_tokens: args.max_tokens,
    });
    let elsewhere = match (&args.judge_url, &args.judge_model) {
        (Some(url), Some(name)) => Some(Elsewhere::new(url, name, std::env::var(KEY).ok())?),
        _ => None,
    };
    let by = args.by.into();
    let (speaker, train) = (speaker.as_ref(), train.as_deref());
    let found = match &elsewhere {
        Some(elsewhere) => {
            let mut ask = |prompt: &str, a: &str, b: &str| elsewhere.better(prompt, a, b);
            judged(&mut texts, speaker, train, by, Some(&mut ask), &context)?
        }
        None => judged(&mut texts, speaker, train, by, None, &context)?,
    };
    Ok(Shown::new(told(&found), json_of(&found)?))
}

fn told(found: &Judgement) -> String {
    let mut text = String::new();
    for (name, overlap) in [("answers", &found.overlap), ("other answers", &found.other)] {
        let Some(o) = overlap else { continue };
        // Writing into a text cannot fail.
        let _ = writeln!(text, "{} {name}", o.texts);
        for (measure, value) in [
            ("exact match", o.exact_match),
            ("exact match, normalised", o.exact_match_normalized),
            ("token F1", o.token_f1),
            ("ROUGE-1", o.rouge_1),
            ("ROUGE-2", o.rouge_2),
            ("ROUGE-L", o.rouge_l),
            ("BLEU, of 100", o.bleu),
            ("chrF, of 100", o.chrf),
            ("edit distance", o.edit_distance),
        ] {
            let _ = writeln!(text, "  {measure:<24} {value:.3}");
        }
    }
    for (name, found) in [("perplexity", &found.perplexity), ("other perplexity", &found.other_perplexity)] {
        if let Some(Perplexity { perplexity, tokens, .. }) = found {
            let _ = writeln!(text, "{name} {perplexity:.3} over {tokens} tokens of references");
        }
    }
    for won in &found.won {
        let [low, high] = won.interval;
        let _ = writeln!(
            text,
            "by {}: the first answer wins {:.0}% of {} ({:.0}% to {:.0}%), {} equal: {}",
            won.by,
            100.0 * won.share,
            won.n,
            100.0 * low,
            100.0 * high,
            won.equal,
            won.verdict
        );
    }
    if let Some(leak) = &found.leak {
        let _ = writeln!(
            text,
            "in training: {:.1}% of prompts, {:.1}% of references; {:.1}% of answers repeat training answers word for word (the longest {} words)",
            100.0 * leak.prompts_seen,
            100.0 * leak.references_seen,
            100.0 * leak.answers_recited,
            leak.longest
        );
    }
    text
}
