//! BLEU (Papineni et al. 2002) as sacreBLEU counts it by default (Post 2018): signature `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp`.

use super::{counts, shared};

/// Runs of up to so many words count.
const ORDER: usize = 4;

/// BLEU of pairs of what was written and its reference, 0 to 100, all texts together.
pub fn bleu(pairs: &[(&str, &str)]) -> f64 {
    let (mut correct, mut total) = ([0usize; ORDER], [0usize; ORDER]);
    let (mut said_length, mut wanted_length) = (0, 0);
    for (said, wanted) in pairs {
        let (said, wanted) = (tokens(said), tokens(wanted));
        said_length += said.len();
        wanted_length += wanted.len();
        for n in 1..=ORDER {
            let of_said = counts(&said, n);
            correct[n - 1] += shared(&of_said, &counts(&wanted, n));
            total[n - 1] += of_said.values().sum::<usize>();
        }
    }
    if correct.iter().all(|n| *n == 0) || total.contains(&0) {
        return 0.0;
    }
    let mut smooth = 1.0;
    let logs = correct.iter().zip(total).map(|(correct, total)| {
        if *correct == 0 {
            smooth *= 2.0;
            return (100.0 / (smooth * total as f64)).ln();
        }
        (100.0 * *correct as f64 / total as f64).ln()
    });
    let mean = logs.sum::<f64>() / ORDER as f64;
    let short = wanted_length as f64 / said_length as f64;
    let brevity = if short > 1.0 { (1.0 - short).exp() } else { 1.0 };
    brevity * mean.exp()
}

/// The tokens of `mteval-v13a.pl`.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let text = text.replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    let text = text.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    let spaced = apart(&format!(" {text} "));
    spaced.split_whitespace().map(String::from).collect()
}

/// Spaces around punctuation: always around most of it, around points and commas unless between digits, and around a hyphen behind a digit.
fn apart(text: &str) -> String {
    let always = |c: char| matches!(c, '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/');
    let mut out: Vec<char> = Vec::with_capacity(2 * text.len());
    for c in text.chars() {
        if always(c) { out.extend([' ', c, ' ']) } else { out.push(c) }
    }
    let digit = |c: char| c.is_ascii_digit();
    let point = |c: char| matches!(c, '.' | ',');
    let out = pairs(&out, |a, b| (!digit(a) && point(b)).then_some([a, ' ', b, ' ']));
    let out = pairs(&out, |a, b| (point(a) && !digit(b)).then_some([' ', a, ' ', b]));
    pairs(&out, |a, b| (digit(a) && b == '-').then_some([a, ' ', b, ' '])).into_iter().collect()
}

/// Replaces pairs of characters from left to right, none of which overlap.
fn pairs(text: &[char], by: impl Fn(char, char) -> Option<[char; 4]>) -> Vec<char> {
    let (mut out, mut i) = (Vec::with_capacity(text.len() + text.len() / 4), 0);
    while i < text.len() {
        match text.get(i + 1).and_then(|next| by(text[i], *next)) {
            Some(four) => {
                out.extend(four);
                i += 2;
            }
            None => {
                out.push(text[i]);
                i += 1;
            }
        }
    }
    out
}
