//! Private columns are never stored in the clear.

use crate::{ADA, Served, context, customers, trained};
use tidemill_server::{Options, start};

fn served(recipe: &str) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let model = trained(&customers(300, 3), recipe, folder.path());
    let path = folder.path().join("customers.tidemill");
    std::fs::copy(model, &path).unwrap();
    let mut options = Options::local(vec![path], folder.path().join("loop.db").display().to_string());
    options.hash_key = Some("0123456789abcdef".into());
    let running = start(&options, &context()).unwrap();
    Served { running, folder }
}

/// All bytes of the store's files.
fn stored(served: &Served) -> Vec<u8> {
    let names = ["loop.db", "loop.db-wal"];
    names.iter().flat_map(|name| std::fs::read(served.folder.path().join(name)).unwrap_or_default()).collect()
}

#[test]
fn dropped_and_hashed_columns_leave_no_trace() {
    let served = served(
        "[columns.age]\nprivate = \"drop\"\n[columns.plan]\nprivate = \"hash\"\n[columns.id]\nprivate = \"hash\"\n",
    );
    let body = ADA.replace("\"ada\"", "\"key-of-ada-77\"").replace("36", "36.625");
    let answer = served.predict(&body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let logged = &served.logged()[0];
    assert!(
        logged.features.starts_with("[null,\"hmac:") && logged.features.ends_with(",3]"),
        "{}",
        logged.features
    );
    assert!(logged.row_key.as_deref().unwrap().starts_with("hmac:"));
    let bytes = stored(&served);
    for secret in ["key-of-ada-77", "36.625"] {
        assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret} is in the store");
    }
}

#[test]
fn without_the_secret_it_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let model = trained(&customers(300, 3), "[columns.plan]\nprivate = \"hash\"\n", folder.path());
    let options = Options::local(vec![model], folder.path().join("loop.db").display().to_string());
    let Err(e) = start(&options, &context()) else { panic!("it started") };
    assert!(e.to_string().contains("'plan'"), "{e}");
}
