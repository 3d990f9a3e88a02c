//! From feedback to a better model in service, and back.

use std::sync::Arc;

use serde_json::json;
use tidemill_core::Context;
use tidemill_engine::builtin;
use tidemill_engine::improve;
use tidemill_engine::model::versions;

use crate::{Served, challenge, context, customers, served, trained};

/// A server whose model learned from one world, while its users live in another: who left stays, and who stayed leaves.
fn drifted(n: usize, flipped: bool) -> Served {
    let mut served = served();
    let folder = std::mem::replace(&mut served.folder, tempfile::tempdir().unwrap());
    drop(served);
    let model = trained(&customers(400, 1), "", folder.path());
    let served = crate::serve(model, folder);
    if n > 0 {
        teach(&served, n, flipped, 9);
    }
    served
}

fn teach(served: &Served, n: usize, flipped: bool, seed: u64) {
    let text = customers(n, seed);
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|l| l.split(',').collect()).collect();
    let asked: Vec<_> =
        rows.iter().map(|r| json!({ "id": r[0], "age": r[1], "plan": r[2], "visits": r[3] })).collect();
    let right: Vec<_> =
        rows.iter().map(|r| json!(if flipped == (r[4] == "yes") { "no" } else { "yes" })).collect();
    served.teach(&asked, &right);
}

fn model(served: &Served) -> std::path::PathBuf {
    served.folder.path().join("customers-model/model.tidemill")
}

#[test]
fn a_better_challenger_is_promoted_and_can_be_rolled_back() {
    let served = drifted(600, true);
    let path = model(&served);
    let before = std::fs::read(&path).unwrap();
    let improved = served.improve("customers-model");
    assert!(improved.promoted, "{}", improved.verdict);
    let comparison = improved.comparison.as_ref().unwrap();
    assert!(comparison.better_by.low > 0.0);
    assert_eq!((improved.rows.labelled, improved.rows.newer, improved.rows.held_out), (600, 600, 300));
    assert!(improved.verdict.contains("better"), "{}", improved.verdict);
    let opened = tidemill_engine::model::open(&path, &context()).unwrap();
    assert_eq!(opened.package.manifest.about["parent"], improved.champion.as_str());
    assert_eq!(opened.info.sha256, improved.successor.clone().unwrap());

    // What it was taught is what the next round is not judged on.
    let again = served.improve("customers-model");
    assert!(!again.promoted && again.verdict.starts_with("not enough to tell"), "{}", again.verdict);
    assert_eq!(again.rows.newer, 0);

    let back = versions::rollback(&path, &context()).unwrap();
    assert_eq!(
        (back.from.as_str(), back.to.as_str()),
        (improved.successor.as_deref().unwrap(), improved.champion.as_str())
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(versions::rollback(&path, &context()).is_err(), "the first model has no parent");
    let noted = served.running.app.store.improvements("customers", 9).unwrap();
    assert_eq!(noted.iter().map(|i| i.promoted).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn the_same_world_gives_no_reason_to_change() {
    let served = drifted(400, false);
    let path = model(&served);
    let before = std::fs::read(&path).unwrap();
    let improved = served.improve("customers-model");
    assert!(!improved.promoted, "{}", improved.verdict);
    assert!(improved.verdict.starts_with("not promoted"), "{}", improved.verdict);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn copies_of_rows_that_are_learned_from_never_judge() {
    // 60 customers of honest labels, each asked for several times, as retries and returning customers are.
    for times in [3, 6, 12] {
        let served = drifted(0, false);
        let path = model(&served);
        let before = std::fs::read(&path).unwrap();
        (0..times).for_each(|_| teach(&served, 60, false, 77));
        let improved = served.improve("customers-model");
        assert!(!improved.promoted, "{times} times: {}", improved.verdict);
        assert!(improved.verdict.starts_with("not enough to tell"), "{}", improved.verdict);
        assert!(improved.rows.copies > 0 && improved.rows.held_out < 30);
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn few_labels_are_not_enough_to_tell() {
    let served = drifted(40, true);
    let improved = served.improve("customers-model");
    assert!(
        !improved.promoted && improved.verdict.starts_with("not enough to tell: 40 labelled"),
        "{}",
        improved.verdict
    );
}

#[test]
fn the_same_feedback_gives_the_same_bytes_whatever_the_threads() {
    let served = drifted(300, true);
    let path = model(&served);
    let before = std::fs::read(&path).unwrap();
    let mut files = Vec::new();
    for threads in [1, 2] {
        std::fs::write(&path, &before).unwrap();
        let context = Context::new(0, threads, Arc::new(builtin::registry()));
        assert!(improve::improve(&challenge(&path), &served.running.app.store, &context).unwrap().promoted);
        files.push(std::fs::read(&path).unwrap());
    }
    assert!(files[0] == files[1]);
}

#[test]
fn a_label_the_target_cannot_hold_that_was_stored_by_an_older_version_is_counted_and_left_out() {
    let served = drifted(100, true);
    let said = served.predict(crate::ADA).json();
    let id = said["predictions"][0]["prediction_id"].as_str().unwrap();
    store_as_it_is(&served, id, "perhaps");
    let improved = served.improve("customers-model");
    assert_eq!((improved.rows.labelled, improved.rows.unusable), (100, 1));
}

/// Stores a label unjudged, as older versions did.
fn store_as_it_is(served: &Served, id: &str, value: &str) {
    let label = tidemill_store::Feedback {
        prediction_id: id.parse().unwrap(),
        kind: tidemill_store::FeedbackKind::Label,
        value: Some(json!(value)),
        at: None,
        user: None,
        idempotency_key: None,
        key_id: None,
        must_exist: false,
    };
    served.running.app.store.feedback_blocking(vec![label]).unwrap();
}

/// Kind 26: a way back lasts.
#[test]
fn what_was_rolled_back_is_not_promoted_again_on_the_same_feedback() {
    let served = drifted(300, true);
    let path = model(&served);
    assert!(served.improve("customers-model").promoted);
    versions::rollback(&path, &context()).unwrap();
    let again = served.improve("customers-model");
    assert!(!again.promoted && again.verdict.contains("rolled back"), "{}", again.verdict);
    assert_eq!(again.rows.newer, 0);
    // A second time round as well, and with a little new feedback.
    teach(&served, 50, true, 21);
    let few = served.improve("customers-model");
    assert!(!few.promoted && few.rows.newer == 50, "{}", few.verdict);
    // Enough that is new may speak; and so may whoever asks for it.
    let asked = improve::Job { again: true, ..challenge(&path) };
    let before = std::fs::read(&path).unwrap();
    assert!(improve::improve(&asked, &served.running.app.store, &context()).unwrap().promoted);
    std::fs::write(&path, before).unwrap();
    teach(&served, 200, true, 22);
    let new = served.improve("customers-model");
    assert!(new.promoted && new.rows.newer == 250, "{}", new.verdict);
}

/// Kind 26: two steps back do not make the feedback of the first new again.
#[test]
fn what_was_rolled_back_in_two_steps_is_not_promoted_again_either() {
    let served = drifted(300, true);
    let path = model(&served);
    assert!(served.improve("customers-model").promoted);
    teach(&served, 300, false, 31);
    let second = served.improve("customers-model");
    assert!(second.promoted, "{}", second.verdict);
    versions::rollback(&path, &context()).unwrap();
    versions::rollback(&path, &context()).unwrap();
    let again = served.improve("customers-model");
    assert!(!again.promoted && again.verdict.contains("rolled back"), "{}", again.verdict);
    assert_eq!((again.rows.labelled, again.rows.newer), (600, 0));
}

/// Late labels: what a label says of an old prediction is new when it comes, however new the predictions were that the champion learned from.
#[test]
fn labels_that_come_after_a_promotion_judge_the_champion_whenever_their_predictions_were_made() {
    let served = drifted(0, false);
    let late = asked(&served, 200, 41);
    teach(&served, 300, true, 42);
    assert!(served.improve("customers-model").promoted);
    // The world turned back, which the late labels alone tell.
    let labels =
        late.iter().map(|(id, right)| json!({ "prediction_id": id, "kind": "label", "value": right }));
    let labels = serde_json::Value::from_iter(labels).to_string();
    assert_eq!(served.post("/v1/feedback", &labels).status, 200);
    let second = served.improve("customers-model");
    assert_eq!((second.rows.labelled, second.rows.newer, second.rows.held_out), (500, 200, 100));
    assert!(second.comparison.is_some_and(|c| c.better_by.low > 0.0), "{}", second.verdict);
    // And once they were learned from, they are new no more.
    let third = served.improve("customers-model");
    assert!(second.promoted && third.rows.newer == 0, "{}", third.verdict);
}

/// Predictions of `n` customers, each with its right answer, which is not said yet.
fn asked(served: &Served, n: usize, seed: u64) -> Vec<(String, &'static str)> {
    let text = customers(n, seed);
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|l| l.split(',').collect()).collect();
    let asked = rows.iter().map(|r| json!({ "id": r[0], "age": r[1], "plan": r[2], "visits": r[3] }));
    let answer = served.predict(&serde_json::Value::from_iter(asked).to_string()).json();
    let said = answer["predictions"].as_array().unwrap().iter();
    let right = rows.iter().map(|r| if r[4] == "yes" { "yes" } else { "no" });
    said.map(|one| one["prediction_id"].as_str().unwrap().to_string()).zip(right).collect()
}
