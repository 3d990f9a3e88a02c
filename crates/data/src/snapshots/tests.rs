//! What goes in comes out, equal chunks are kept once, and no flipped byte goes unnoticed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, StringArray, TimestampMicrosecondArray};
use proptest::prelude::*;
use tidemill_core::{Batch, Column, Kind, Schema, Source, Table};

use super::chunk::{decode, encode};
use super::{About, CHUNK_ROWS, Vault};

fn about(key: Option<&str>) -> About {
    About {
        source: "t.csv".into(),
        format: "CSV".into(),
        key: key.map(String::from),
        at: 1,
        ..About::default()
    }
}

fn table(n: usize, price: impl Fn(usize) -> f64) -> Table {
    let schema = Schema::new(vec![
        Column::new("id", Kind::Text),
        Column::number("price"),
        Column::new("note", Kind::Text),
    ]);
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values((0..n).map(|i| format!("p{}", i / 3))));
    let prices: ArrayRef = Arc::new(Float64Array::from_iter_values((0..n).map(price)));
    let notes: ArrayRef =
        Arc::new(StringArray::from_iter((0..n).map(|i| (i % 5 > 0).then(|| format!("n{}", i % 7)))));
    Table::new(Batch::new(Arc::new(schema.unwrap()), vec![ids, prices, notes]).unwrap())
}

fn take(vault: &Vault, rows: &Table, key: Option<&str>) -> super::Taken {
    vault.take(rows, &about(key), &|| Ok(())).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path),
        }
    }
    found.sort();
    found
}

/// Whether any file of the folder, unpacked, holds these bytes.
fn holds(folder: &Path, wanted: &[u8]) -> bool {
    files(folder).into_iter().any(|path| {
        let bytes = std::fs::read(&path).unwrap();
        let values = zstd::decode_all(&*bytes).unwrap_or(bytes);
        values.windows(wanted.len()).any(|w| w == wanted)
    })
}

#[test]
fn what_was_taken_comes_back_chunk_by_chunk() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::create(folder.path()).unwrap();
    let rows = table(CHUNK_ROWS + 10, |i| i as f64 / 8.0);
    let taken = take(&vault, &rows, None);
    assert_eq!((taken.snapshot.rows, taken.snapshot.chunk_rows.as_slice()), (65_546, &[65_536, 10][..]));
    let back = vault.rows(&taken.snapshot).unwrap().collect().unwrap();
    assert_eq!(back.schema(), rows.schema());
    for at in 0..3 {
        assert_eq!(back.column(at), rows.batch().column(at));
    }
    // The same rows are the same snapshot, and nothing is written.
    let before = files(folder.path());
    let again = take(&vault, &rows, None);
    assert!(again.known && again.new_chunks == 0 && again.snapshot.id == taken.snapshot.id);
    assert_eq!(files(folder.path()), before);
}

#[test]
fn one_changed_column_costs_its_own_chunks_alone() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::create(folder.path()).unwrap();
    let first = take(&vault, &table(1000, |i| i as f64), None);
    assert_eq!((first.new_chunks, first.shared_chunks), (3, 0));
    let second = take(&vault, &table(1000, |i| if i == 500 { -1.0 } else { i as f64 }), None);
    assert_eq!((second.new_chunks, second.shared_chunks), (1, 2));
    let diff = vault.diff(&first.snapshot, &second.snapshot).unwrap();
    assert_eq!((diff.changed.len(), diff.same), (1, 2));
    assert_eq!((diff.changed[0].cells, diff.changed[0].first_row), (Some(1), Some(501)));
    // What only the first needs goes with it.
    let pruned = vault.prune(None, std::slice::from_ref(&first.snapshot.id), false).unwrap();
    assert_eq!((pruned.snapshots.len(), pruned.chunks), (1, 1));
    assert!(vault.verify(None, &|| Ok(())).unwrap().damaged.is_empty());
}

#[test]
fn a_column_that_vanished_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::create(folder.path()).unwrap();
    let rows = table(50, |i| i as f64);
    let narrow = Table::new(rows.batch().select(&[0, 2]).unwrap());
    let (a, b) = (take(&vault, &rows, None), take(&vault, &narrow, None));
    let diff = vault.diff(&a.snapshot, &b.snapshot).unwrap();
    assert_eq!((diff.vanished.as_slice(), diff.added.len(), diff.same), (&["price".to_string()][..], 0, 2));
}

#[test]
fn every_flipped_byte_of_a_chunk_or_list_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::create(folder.path()).unwrap();
    take(&vault, &table(40, |i| i as f64), None);
    for path in files(&folder.path().join("chunks")).into_iter().chain(files(&folder.path().join("lists"))) {
        let whole = std::fs::read(&path).unwrap();
        let is_chunk = path.extension().unwrap() == "zst";
        for at in (0..whole.len()).step_by(7) {
            let mut broken = whole.clone();
            broken[at] ^= 0x10;
            std::fs::write(&path, &broken).unwrap();
            let found = vault.verify(None, &|| Ok(())).unwrap();
            // A bit of zstd's frame that says nothing of the values may differ without harm.
            let harmless = found.damaged.is_empty() && is_chunk;
            if harmless {
                let snapshot = &vault.all().unwrap().0[0];
                assert!(vault.rows(snapshot).unwrap().collect().is_ok());
                continue;
            }
            assert_eq!(found.damaged.len(), 1, "{} at {at}", path.display());
            let said = &found.damaged[0].message;
            assert!(!is_chunk || said.contains("column '") && said.contains("rows 1 to 40"), "{said}");
        }
        // Cut short, and gone.
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(vault.verify(None, &|| Ok(())).unwrap().damaged.len(), 1);
        std::fs::write(&path, &whole).unwrap();
    }
    assert!(vault.verify(None, &|| Ok(())).unwrap().damaged.is_empty());
}

#[test]
fn a_damaged_chunk_is_written_anew_by_the_next_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::create(folder.path()).unwrap();
    let rows = table(40, |i| i as f64);
    take(&vault, &rows, None);
    let chunk = &files(&folder.path().join("chunks"))[0];
    std::fs::write(chunk, b"nonsense").unwrap();
    assert_eq!(vault.verify(None, &|| Ok(())).unwrap().damaged.len(), 1);
    take(&vault, &rows, None);
    assert!(vault.verify(None, &|| Ok(())).unwrap().damaged.is_empty());
}

#[test]
fn a_forgotten_key_leaves_no_chunk_that_held_it() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::create(folder.path()).unwrap();
    let n = CHUNK_ROWS + 300;
    let taken = take(&vault, &table(n, |i| i as f64), Some("id"));
    assert!(holds(folder.path(), b"p7p7p7"));
    let untouched = taken.snapshot.columns[1].chunks[1].clone();
    let done = vault.forget("p7", None, 2).unwrap();
    assert_eq!((done.rewritten.len(), done.rewritten[0].rows, done.unreached.len()), (1, 3, 0));
    assert_eq!(done.deleted_chunks, 3, "the first chunk of each column");
    // The old id leads to what is left, and says what went.
    let now = vault.find(&taken.snapshot.id).unwrap();
    assert_eq!((now.rows, now.chunk_rows.as_slice()), (n as u64 - 3, &[65_533, 300][..]));
    assert_eq!(now.columns[1].chunks[1], untouched);
    let rows = vault.rows(&now).unwrap().collect().unwrap();
    assert!(rows.texts(0).unwrap().iter().flatten().all(|id| id != "p7"));
    assert_eq!(vault.tombstones().unwrap()[0].rows, 3);
    assert!(!holds(folder.path(), b"p7p7p7"));
    // Nobody of this name any more; without a key column nobody can look.
    assert!(vault.forget("p7", None, 3).unwrap().rewritten.is_empty());
    take(&vault, &table(9, |i| i as f64), None);
    let done = vault.forget("p1", None, 4).unwrap();
    assert!(done.unreached.len() == 1 && done.unreached[0].why.contains("--column"), "{done:?}");
    assert_eq!(vault.forget("p1", Some("id"), 5).unwrap().unreached.len(), 0);
}

#[test]
fn sealed_snapshots_open_with_the_identity_alone() {
    let identity = age::x25519::Identity::generate();
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::create(folder.path()).unwrap();
    let rows = table(30, |i| i as f64);
    let about = About { seal: Some(identity.to_public().to_string()), ..about(Some("id")) };
    let taken = vault.take(&rows, &about, &|| Ok(())).unwrap();
    let e = vault.rows(&taken.snapshot).err().unwrap();
    assert!(e.to_string().contains("sealed") && e.remedy().unwrap().contains("--identity"), "{e}");
    let found = vault.verify(None, &|| Ok(())).unwrap();
    assert_eq!((found.closed, found.damaged.len()), (1, 0));
    assert_eq!(vault.forget("p1", None, 2).unwrap().unreached.len(), 1);
    let vault = vault.with_identities(vec![identity]);
    let back = vault.rows(&taken.snapshot).unwrap().collect().unwrap();
    assert_eq!(back.column(1), rows.batch().column(1));
    assert_eq!(vault.forget("p1", None, 3).unwrap().rewritten[0].rows, 3);
}

#[test]
fn refusals_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::create(folder.path()).unwrap();
    let empty = table(0, |_| 0.0);
    let e = vault.take(&empty, &about(None), &|| Ok(())).unwrap_err();
    assert!(e.to_string().contains("t.csv has no rows"), "{e}");
    assert!(vault.take(&table(3, |_| 0.0), &about(Some("idd")), &|| Ok(())).is_err());
    take(&vault, &table(9, |i| i as f64), None);
    let e = vault.find("t.csw").unwrap_err();
    assert!(e.to_string().contains("is 't.csv' meant?"), "{e}");
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("letters.txt"), "mine").unwrap();
    assert!(Vault::create(other.path()).is_err() && Vault::open(&other.path().join("none")).is_err());
    let _held = vault.lock().unwrap();
    let e = vault.prune(None, &[], false).unwrap_err();
    assert!(e.to_string().contains("another program"), "{e}");
}

fn cells() -> impl Strategy<Value = Vec<Option<(u64, String, bool)>>> {
    prop::collection::vec(prop::option::of((any::<u64>(), ".{0,6}", any::<bool>())), 1..70)
}

proptest! {
    #[test]
    fn values_are_the_same_bytes_after_encoding_and_decoding(cells in cells()) {
        let n = cells.len();
        let of = |f: fn(&(u64, String, bool)) -> f64| cells.iter().map(|c| c.as_ref().map(f)).collect::<Vec<_>>();
        let arrays: [(Kind, ArrayRef); 4] = [
            (Kind::Number, Arc::new(Float64Array::from(of(|c| f64::from_bits(c.0))))),
            (Kind::Text, Arc::new(StringArray::from_iter(cells.iter().map(|c| c.as_ref().map(|c| &c.1))))),
            (Kind::Flag, Arc::new(BooleanArray::from_iter(cells.iter().map(|c| c.as_ref().map(|c| c.2))))),
            (Kind::Time, Arc::new(TimestampMicrosecondArray::from_iter(
                cells.iter().map(|c| c.as_ref().map(|c| c.0 as i64))).with_timezone("UTC"))),
        ];
        for (kind, array) in arrays {
            let bytes = encode(kind, &array).unwrap();
            let back = decode(kind, &bytes, n).unwrap();
            prop_assert_eq!(back.data_type(), array.data_type());
            prop_assert_eq!(&encode(kind, &back).unwrap(), &bytes);
            // A slice has the bytes of its own values, wherever it lies.
            let tail = array.slice(n / 2, n - n / 2);
            let again = decode(kind, &encode(kind, &tail).unwrap(), n - n / 2).unwrap();
            prop_assert_eq!(encode(kind, &again).unwrap(), encode(kind, &back.slice(n / 2, n - n / 2)).unwrap());
            // Cut anywhere, it is refused.
            for end in 0..bytes.len() {
                prop_assert!(decode(kind, &bytes[..end], n).is_err());
            }
        }
    }
}
