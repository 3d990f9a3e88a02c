//! What of texts was seen in training: whole prompts, and runs of words that were learned and come back word for word.

use std::collections::BTreeSet;

use serde::Serialize;

use super::words;

/// Words that make a run that hardly comes by chance (as GPT-3 and PaLM count it, from eight to thirteen).
const RUN: usize = 13;

/// How much of judged texts was in training.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Leak {
    /// Texts that were judged.
    pub texts: usize,
    /// The share whose prompt came in training, but for capitals and punctuation.
    pub prompts_seen: f64,
    /// The share whose reference has a run of words of a training answer: what was to be found out was in training.
    pub references_seen: f64,
    /// The share of written texts with a run of words of a training answer that neither the prompt nor the reference has: it was learned by
    /// heart, and is given away.
    pub answers_recited: f64,
    /// The most words of one training answer that a written text repeats in a row.
    pub longest: usize,
    /// The places of texts that recite, from 0.
    pub reciting: Vec<usize>,
}

/// What was in training.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    prompts: BTreeSet<Vec<String>>,
    answers: Vec<Vec<String>>,
    runs: BTreeSet<Vec<String>>,
}

impl Seen {
    /// From prompts and answers of training.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut seen = Seen::default();
        for (prompt, answer) in pairs {
            seen.prompts.insert(words(prompt));
            let answer = words(answer);
            seen.runs.extend(answer.windows(RUN).map(<[String]>::to_vec));
            seen.answers.push(answer);
        }
        seen
    }

    /// How much of texts was seen: of each its prompt, its reference, and what was written.
    pub fn leak<'a>(&self, texts: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Leak {
        let mut leak = Leak::default();
        let (mut prompts, mut references) = (0, 0);
        for (at, (prompt, reference, said)) in texts.into_iter().enumerate() {
            let (prompt, reference, said) = (words(prompt), words(reference), words(said));
            leak.texts += 1;
            prompts += usize::from(!prompt.is_empty() && self.prompts.contains(&prompt));
            references += usize::from(self.runs_of(&reference).next().is_some());
            let known: BTreeSet<&[String]> = prompt.windows(RUN).chain(reference.windows(RUN)).collect();
            if self.runs_of(&said).any(|run| !known.contains(run)) {
                leak.reciting.push(at);
                let longest = self.answers.iter().map(|answer| longest_run(answer, &said)).max();
                leak.longest = leak.longest.max(longest.unwrap_or(0));
            }
        }
        let share = |n: usize| n as f64 / leak.texts as f64;
        (leak.prompts_seen, leak.references_seen) = (share(prompts), share(references));
        leak.answers_recited = share(leak.reciting.len());
        leak
    }

    fn runs_of<'a>(&'a self, text: &'a [String]) -> impl Iterator<Item = &'a [String]> {
        text.windows(RUN).filter(move |run| self.runs.contains(*run))
    }
}

/// The most words in a row that both have.
fn longest_run(a: &[String], b: &[String]) -> usize {
    let (mut row, mut longest) = (vec![0usize; b.len() + 1], 0);
    for x in a {
        let mut before = 0;
        for (j, y) in b.iter().enumerate() {
            let length = if x == y { before + 1 } else { 0 };
            before = row[j + 1];
            row[j + 1] = length;
            longest = longest.max(length);
        }
    }
    longest
}
