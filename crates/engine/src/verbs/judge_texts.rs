//! `judge`: how good written texts are, by references, by how likely a model holds these, and against other answers.

use std::ops::ControlFlow;

use serde::Serialize;
use tidemill_core::{Context, Event, Result};
use tidemill_eval::compare::wilson_share;
use tidemill_eval::texts::{Leak, Overlap, Seen, chrf, edit_distance, rouge_l, token_f1};
use tidemill_language::{Adapter, Judged, Model, Prompt, PromptPair, Request, Sampling, Sft, log_losses_of};

use crate::error::EngineError;

/// By which measure an answer wins against another: higher is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Words that answer and reference share.
    TokenF1,
    /// The longest sequence of words that both have.
    RougeL,
    /// Runs of up to six characters that both have.
    Chrf,
    /// Characters that need not be changed.
    EditDistance,
}

impl By {
    fn of(self, said: &str, wanted: &str) -> f64 {
        match self {
            By::TokenF1 => token_f1(said, wanted),
            By::RougeL => rouge_l(said, wanted),
            By::Chrf => chrf(&[(said, wanted)]),
            By::EditDistance => 1.0 - edit_distance(said, wanted),
        }
    }
}

/// Who answers the prompts.
pub struct Speaker<'a> {
    /// The checkpoint.
    pub model: &'a Model,
    /// What was learned beside it.
    pub adapter: Option<&'a Adapter>,
    /// What the first is compared with: none where there is no other, `Some(None)` for the checkpoint alone.
    pub other: Option<Option<&'a Adapter>>,
    /// The most tokens of an answer.
    pub max_tokens: usize,
}

/// Says of a prompt and two answers whether the first is better; none where neither is.
pub type Asked<'a> = dyn FnMut(&str, &str, &str) -> Result<Option<bool>> + 'a;

/// Which of two answers wins.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Won {
    /// By which measure, or `judge` for a model that was asked, or `loss`.
    pub by: String,
    /// Prompts that were compared.
    pub n: usize,
    /// Those of which the first answer is better.
    pub better: usize,
    /// Those of which neither is.
    pub equal: usize,
    /// The share of the first, a tie counted as half.
    pub share: f64,
    /// Its 95% interval (Wilson 1927).
    pub interval: [f64; 2],
    /// Whether the interval is clear of one half, on which side: `first`, `other`, or `undecided`.
    pub verdict: &'static str,
}

impl Won {
    /// From what each prompt says: whether the first is better, or neither.
    fn of(by: &str, each: &[Option<bool>]) -> Option<Self> {
        let n = each.len();
        let better = each.iter().filter(|won| **won == Some(true)).count();
        let equal = each.iter().filter(|won| won.is_none()).count();
        if n == 0 {
            return None;
        }
        let share = (better as f64 + equal as f64 / 2.0) / n as f64;
        let interval = wilson_share(share, n as f64);
        let verdict = match interval {
            [low, _] if low > 0.5 => "first",
            [_, high] if high < 0.5 => "other",
            _ => "undecided",
        };
        Some(Won { by: by.into(), n, better, equal, share, interval, verdict })
    }
}

/// How likely a model holds the references.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Perplexity {
    /// `e` to the mean of `-ln p` over all tokens of references.
    pub perplexity: f64,
    /// Tokens.
    pub tokens: usize,
    /// References without a token within the longest that is looked at.
    pub left_out: usize,
}

/// What was found of texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Judgement {
    /// Of the first answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
    /// Of the other answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Overlap>,
    /// Of the references, by the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub perplexity: Option<Perplexity>,
    /// The same by the other adapter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_perplexity: Option<Perplexity>,
    /// Which answers win, by each measure.
    pub won: Vec<Won>,
    /// What was in training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leak: Option<Leak>,
}

/// Judges texts; `answers` that are missing are filled by the speaker.
///
/// # Errors
/// When there is nothing to compare (no answers and no model), a prompt does not fit the model, or the user stops it.
pub fn judge(
    texts: &mut [Judged],
    speaker: Option<&Speaker<'_>>,
    train: Option<&[PromptPair]>,
    by: By,
    asked: Option<&mut Asked<'_>>,
    context: &Context,
) -> Result<Judgement> {
    let mut found = Judgement::default();
    if let Some(speaker) = speaker {
        answer(texts, speaker, context)?;
        likely(texts, speaker, &mut found, context)?;
    }
    if texts.iter().any(|text| text.answer.is_none()) {
        let problem = "a text has no answer, and no model was named that answers its prompt";
        return Err(
            EngineError::usage(problem, "give each line an answer, or name a model with --model").into()
        );
    }
    let has_references = texts.iter().any(|text| !text.reference.is_empty());
    let pairs = |of: &dyn Fn(&Judged) -> Option<String>| -> Vec<(String, String)> {
        texts.iter().filter_map(|text| Some((of(text)?, text.reference.clone()))).collect()
    };
    let (first, second) = (pairs(&|text| text.answer.clone()), pairs(&|text| text.other.clone()));
    if has_references {
        found.overlap = Some(Overlap::of(&first));
        found.other = (!second.is_empty()).then(|| Overlap::of(&second));
        let each = both(texts).map(|(text, a, b)| {
            let (a, b) = (by.of(a, &text.reference), by.of(b, &text.reference));
            (a != b).then_some(a > b)
        });
        let name = serde_json::to_value(by).ok().and_then(|name| name.as_str().map(String::from));
        found.won.extend(Won::of(&name.unwrap_or_default(), &each.collect::<Vec<_>>()));
    }
    if let Some(asked) = asked {
        let mut each = Vec::new();
        for (text, a, b) in both(texts) {
            context.check()?;
            each.push(asked(&text.prompt, a, b)?);
        }
        found.won.extend(Won::of("judge", &each));
    }
    found.leak = train.map(|train| leak(texts, train));
    Ok(found)
}

fn both(texts: &[Judged]) -> impl Iterator<Item = (&Judged, &str, &str)> {
    texts.iter().filter_map(|text| Some((text, text.answer.as_deref()?, text.other.as_deref()?)))
}

/// Answers the prompts whose answers are missing, the likeliest token each time.
fn answer(texts: &mut [Judged], speaker: &Speaker<'_>, context: &Context) -> Result<()> {
    context.tell(&Event::Begin { what: "answering".into(), steps: Some(texts.len() as u64) });
    for text in texts {
        let said = |adapter: Option<&Adapter>| -> Result<String> {
            let request = Request {
                prompt: speaker.model.prompt_tokens(&Prompt::Text(text.prompt.clone()))?,
                max_tokens: Some(speaker.max_tokens),
                sampling: Sampling::default(),
                stop: Vec::new(),
                logprobs: None,
                form: None,
            };
            let mut listen = |_: &str| match context.check() {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            };
            let generated = speaker.model.generate(&request, adapter, &mut listen)?;
            context.check()?;
            Ok(generated.text)
        };
        if text.answer.is_none() {
            text.answer = Some(said(speaker.adapter)?);
        }
        if let (Some(other), None) = (speaker.other, &text.other) {
            text.other = Some(said(other)?);
        }
        context.tell(&Event::Step(1));
    }
    context.tell(&Event::End);
    Ok(())
}

/// How likely the model holds the references, with either adapter.
fn likely(texts: &[Judged], speaker: &Speaker<'_>, found: &mut Judgement, context: &Context) -> Result<()> {
    let pair = |text: &Judged| PromptPair {
        prompt: Prompt::Text(text.prompt.clone()),
        response: text.reference.clone(),
    };
    let pairs: Vec<PromptPair> = texts.iter().filter(|text| !text.reference.is_empty()).map(pair).collect();
    if pairs.is_empty() {
        return Ok(());
    }
    let longest = Sft::default().max_length;
    let losses = |adapter| log_losses_of(speaker.model, &pairs, adapter, longest, context);
    let first = losses(speaker.adapter)?;
    found.perplexity = perplexity(&first);
    if let Some(other) = speaker.other {
        let second = losses(other)?;
        found.other_perplexity = perplexity(&second);
        let each = first.iter().zip(&second).filter_map(|(a, b)| {
            let ((a, _), (b, _)) = ((*a)?, (*b)?);
            Some((a != b).then_some(a < b))
        });
        found.won.extend(Won::of("loss", &each.collect::<Vec<_>>()));
    }
    Ok(())
}

fn perplexity(losses: &[Option<(f64, usize)>]) -> Option<Perplexity> {
    let (sum, tokens) = losses.iter().flatten().fold((0.0, 0), |(sum, n), (loss, m)| (sum + loss, n + m));
    let left_out = losses.iter().filter(|loss| loss.is_none()).count();
    (tokens > 0).then(|| Perplexity { perplexity: (sum / tokens as f64).exp(), tokens, left_out })
}

fn leak(texts: &[Judged], train: &[PromptPair]) -> Leak {
    let prompt = |pair: &PromptPair| match &pair.prompt {
        Prompt::Text(text) | Prompt::Raw(text) => text.clone(),
        _ => String::new(),
    };
    let prompts: Vec<String> = train.iter().map(prompt).collect();
    let seen =
        Seen::of(prompts.iter().map(String::as_str).zip(train.iter().map(|pair| pair.response.as_str())));
    seen.leak(texts.iter().map(|text| {
        (text.prompt.as_str(), text.reference.as_str(), text.answer.as_deref().unwrap_or_default())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wilson's interval of 30 of 40, by statsmodels 0.14: `proportion_confint(30, 40, method="wilson")` is 0.5981, 0.8581.
    #[test]
    fn wins_have_an_interval_and_a_verdict() {
        let each: Vec<Option<bool>> = (0..40).map(|i| Some(i < 30)).collect();
        let won = Won::of("loss", &each).unwrap();
        assert_eq!((won.n, won.better, won.equal, won.share, won.verdict), (40, 30, 0, 0.75, "first"));
        assert!(
            (won.interval[0] - 0.59806).abs() < 1e-5 && (won.interval[1] - 0.85813).abs() < 1e-5,
            "{won:?}"
        );
        let ties = Won::of("loss", &[None, None, Some(true), Some(false)]).unwrap();
        assert_eq!((ties.share, ties.verdict), (0.5, "undecided"));
        assert!(Won::of("loss", &[]).is_none());
    }

    #[test]
    fn two_answers_are_compared_by_reference_and_by_a_judge() {
        let text = |answer: &str, other: &str| Judged {
            prompt: "Which city?".into(),
            reference: "Paris, of course".into(),
            answer: Some(answer.into()),
            other: Some(other.into()),
        };
        let mut texts = vec![text("Paris", "London"), text("Rome", "Paris, of course"), text("Rome", "Bern")];
        let mut longer = |_: &str, a: &str, b: &str| Ok((a.len() != b.len()).then_some(a.len() > b.len()));
        let context = Context::default();
        let found = judge(&mut texts, None, None, By::TokenF1, Some(&mut longer), &context).unwrap();
        assert_eq!((found.won[0].by.as_str(), found.won[0].better, found.won[0].equal), ("token_f1", 1, 1));
        assert_eq!((found.won[1].by.as_str(), found.won[1].better, found.won[1].equal), ("judge", 0, 1));
        assert_eq!(found.overlap.unwrap().exact_match, 0.0);
        texts[0].answer = None;
        assert!(judge(&mut texts, None, None, By::TokenF1, None, &context).is_err());
    }
}
