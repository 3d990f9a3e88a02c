//! Feedback: what becomes of each piece, and requests with a key.

use crate::*;

#[test]
fn every_piece_of_feedback_has_its_fate() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        let ids = log(&store, v, now(), rows(2, None));
        let give = |f: Vec<Feedback>| store.feedback_blocking(f).unwrap();
        let label = said(ids[0], FeedbackKind::Label, json!("no"));
        assert_eq!(give(vec![label.clone()]), [Fate::Stored]);
        assert_eq!(give(vec![label.clone()]), [Fate::Repeated]);
        let other = said(ids[0], FeedbackKind::Label, json!("yes"));
        assert_eq!(give(vec![other]), [Fate::Contradicts]);
        let late = Feedback { at: Some(5), ..said(ids[1], FeedbackKind::Rating, json!(4)) };
        assert_eq!(give(vec![late.clone(), late]), [Fate::Stored, Fate::Repeated]);
        let keyed = |value: i64| Feedback {
            idempotency_key: Some("one".into()),
            ..said(ids[1], FeedbackKind::Outcome, json!(value))
        };
        assert_eq!(give(vec![keyed(1), keyed(1)]), [Fate::Stored, Fate::Repeated]);
        for conflicting in [vec![keyed(2)], vec![keyed(1), keyed(3)]] {
            let e = store.feedback_blocking(conflicting).unwrap_err();
            assert!(matches!(e, Error::Conflict), "{e}");
        }
        let of_another = Feedback { key_id: Some("k".into()), ..keyed(2) };
        assert_eq!(give(vec![of_another]), [Fate::Contradicts], "an idempotency key belongs to its API key");
        let earlier = Feedback { at: Some(9), ..said(ids[0], FeedbackKind::Correction, json!("no")) };
        assert_eq!(give(vec![earlier]), [Fate::Superseded], "a later word counts already");

        let mut early = rows(1, None);
        let orphan = early[0].id;
        assert_eq!(give(vec![said(orphan, FeedbackKind::Accept, json!(null))]), [Fate::Orphaned]);
        early[0].features = "[9]".into();
        log(&store, v, now(), early);
        let found = all(&store);
        let kinds = |id: Uuid| -> Vec<_> {
            let of = found.iter().find(|p| p.id == id).unwrap();
            of.feedback.iter().map(|f| (f.kind, f.value.clone())).collect()
        };
        assert_eq!(
            kinds(orphan),
            [(FeedbackKind::Accept, None)],
            "an orphan counts once its prediction is there"
        );
        assert_eq!(kinds(ids[0]).last().unwrap().1, Some(json!("yes")), "the latest word comes last");
        assert_eq!(kinds(ids[1]).len(), 3);
    });
}

#[test]
fn a_request_with_a_key_counts_once() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        let ask = |key: &str, content: u8, by: Option<&str>, row_key: &str| {
            let keyed = Keyed { key: key.into(), content: [content; 32] };
            let asked =
                Predictions { key_id: by.map(Arc::from), ..predictions(v, now(), rows(2, Some(row_key))) };
            let sent = Sent { media: "text/csv".into(), body: asked.rows[0].id.as_bytes().to_vec() };
            let once = runtime().block_on(store.log_once(keyed, asked, sent.clone())).unwrap();
            (once, sent)
        };
        let (first, sent) = ask("k", 1, None, "ada");
        assert_eq!(first, Once::New);
        assert_eq!(ask("k", 1, None, "ada").0, Once::Repeated(sent), "the answer of the first time");
        assert_eq!(ask("k", 2, None, "ada").0, Once::Conflict);
        assert_eq!(ask("k", 2, Some("a"), "bob").0, Once::New, "a key belongs to its API key");
        assert_eq!(all(&store).len(), 4);
        // What is forgotten is in no answer that is kept.
        store.forget(vec!["ada".into()]).unwrap();
        assert_eq!(ask("k", 1, None, "eve").0, Once::New);
        assert!(matches!(ask("k", 2, Some("a"), "bob").0, Once::Repeated(_)));
        store.prune(now() + 1).unwrap();
        assert_eq!(ask("k", 3, Some("a"), "bob").0, Once::New);
    });
}

#[test]
fn feedback_of_a_request_with_a_key_is_stored_once() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        let ids = log(&store, v, now(), rows(3, None));
        let piece = |i: usize, value: &str| said(ids[i], FeedbackKind::Label, json!(value));
        let give = |key: &str, given: Vec<Feedback>| {
            runtime().block_on(store.accept_once(key.into(), given, Anything)).unwrap()
        };
        assert_eq!(give("k", vec![piece(0, "yes")]), Ok(vec![Fate::Stored]));
        assert_eq!(give("k", vec![piece(0, "yes")]), Ok(vec![Fate::Repeated]));
        let in_body = Feedback { idempotency_key: Some("k".into()), ..piece(0, "yes") };
        assert_eq!(
            store.feedback_blocking(vec![in_body]).unwrap(),
            [Fate::Repeated],
            "header and body agree"
        );
        for other in [vec![piece(0, "no")], vec![piece(1, "yes")], vec![piece(0, "yes"), piece(1, "yes")]] {
            assert!(give("k", other.clone()).is_err(), "{other:?}");
        }
        let both = vec![piece(1, "yes"), piece(2, "no")];
        assert_eq!(give("b", both.clone()), Ok(vec![Fate::Stored; 2]));
        assert_eq!(give("b", both), Ok(vec![Fate::Repeated; 2]));
        assert_eq!(give("b", vec![piece(1, "yes")]), Err(tidemill_store::Refused::OtherRequest));
    });
}
