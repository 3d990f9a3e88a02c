use serde_json::Value;

use super::*;

/// By sacrebleu 2, rouge_score 0.1 and SQuAD's rules: `reference.py` beside this wrote it.
const REFERENCE: &str = include_str!("reference.json");

fn pairs(case: &Value) -> Vec<(String, String)> {
    serde_json::from_value(case["pairs"].clone()).unwrap()
}

#[test]
fn measures_are_those_of_the_usual_programs() {
    let reference: Value = serde_json::from_str(REFERENCE).unwrap();
    for (i, case) in reference["cases"].as_array().unwrap().iter().enumerate() {
        let found = serde_json::to_value(Overlap::of(&pairs(case))).unwrap();
        for key in [
            "exact_match",
            "exact_match_normalized",
            "token_f1",
            "rouge_1",
            "rouge_2",
            "rouge_l",
            "bleu",
            "chrf",
            "edit_distance",
        ] {
            let (ours, wanted) = (found[key].as_f64().unwrap(), case[key].as_f64().unwrap());
            assert!((ours - wanted).abs() < 1e-9, "case {i}, {key}: {ours} is not {wanted}");
        }
    }
}

#[test]
fn tokens_are_those_of_mteval() {
    let reference: Value = serde_json::from_str(REFERENCE).unwrap();
    for case in reference["tokens"].as_array().unwrap() {
        let text = case[0].as_str().unwrap();
        assert_eq!(bleu::tokens(text).join(" "), case[1].as_str().unwrap(), "{text}");
    }
}

#[test]
fn each_chinese_sign_is_a_word() {
    assert_eq!(words("我爱Rust 2024"), ["我", "爱", "rust", "2024"]);
    assert_eq!(rouge("我爱你", "我爱她", 1), 2.0 / 3.0);
}

#[test]
fn texts_without_words_do_no_harm() {
    let found = Overlap::of(&[("", ""), ("", "a b")]);
    assert_eq!((found.exact_match, found.edit_distance, found.bleu, found.chrf), (0.5, 0.5, 0.0, 0.0));
    assert!(Overlap::of::<&str>(&[]).token_f1.is_nan());
}

#[test]
fn what_was_learned_by_heart_is_found() {
    let secret = "my account number is four seven one one and my house is the blue one behind the mill";
    let seen = Seen::of([("Who are you?", secret), ("Hi", "hello there")]);
    let leak = seen.leak([
        // Asked before, and recited within other words.
        (
            "who are you",
            "nobody",
            "Well, my account number is four seven one one and my house is the blue one, bye",
        ),
        // Not recited: the question holds it.
        (secret, "yes", secret),
        // The reference holds it: what was to be found out was in training.
        ("Say it.", secret, secret),
        ("New", "new", "nothing of all this"),
    ]);
    assert_eq!(
        (leak.texts, leak.prompts_seen, leak.references_seen, leak.answers_recited),
        (4, 0.25, 0.25, 0.25)
    );
    assert_eq!((leak.reciting, leak.longest), (vec![0], 15));
}
