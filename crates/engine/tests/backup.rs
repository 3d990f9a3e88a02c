//! Backups are run, broken on purpose, noticed, and restored.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidemill_core::{Context, Error};
use tidemill_engine::backup::{self, PIECE, Place, Plan};
use tidemill_engine::builtin;
use tidemill_engine::verbs::backup::regular;
use tidemill_store::{Options, Store};

/// 2026-11-30T20:12:53Z in microseconds.
const NOW: i64 = 1_796_069_573_000_000;

fn context() -> Context {
    Context::new(0, 1, Arc::new(builtin::registry()))
}

/// A folder with a table of two and a half pieces, a model, and a store.
fn desk() -> (tempfile::TempDir, Plan) {
    let desk = tempfile::tempdir().unwrap();
    let at = |name: &str| desk.path().join(name);
    let line = |i: usize| format!("{i},{}\n", i * i % 1009);
    let rows: String = (0..)
        .map(line)
        .scan(0, |n, l| {
            *n += l.len();
            (*n < PIECE * 5 / 2).then_some(l)
        })
        .collect();
    fs::write(at("rows.csv"), rows).unwrap();
    fs::create_dir(at("m")).unwrap();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/imported-zero.tidemill");
    fs::copy(model, at("m/model.tidemill")).unwrap();
    Store::open(at("loop.db").to_str().unwrap(), Options::default()).unwrap();
    let plan =
        Plan { to: at("second"), keep: 2, files: vec![at("rows.csv"), at("m")], stores: vec![at("loop.db")] };
    (desk, plan)
}

/// The piece files of a place.
fn pieces(place: &Path) -> Vec<PathBuf> {
    let shelves = fs::read_dir(place.join("pieces")).unwrap();
    let of = |shelf: PathBuf| fs::read_dir(shelf).unwrap().map(|piece| piece.unwrap().path());
    shelves.flat_map(|shelf| of(shelf.unwrap().path())).collect()
}

fn said(error: &Error) -> String {
    error.to_string()
}

#[test]
fn what_did_not_change_is_stored_once_and_everything_comes_back() {
    let (desk, plan) = desk();
    let first = backup::run(&plan, NOW, &context()).unwrap();
    assert_eq!((first.set.as_str(), first.files), ("20261130T201253Z", 3));
    let before = pieces(&plan.to).len();
    // A line at the end changes the last piece of one file.
    let mut rows = fs::read(&plan.files[0]).unwrap();
    rows.extend(b"7,7\n");
    fs::write(&plan.files[0], &rows).unwrap();
    let second = backup::run(&plan, NOW, &context()).unwrap();
    assert_eq!(second.set, "20261130T201254Z");
    assert!(second.new_bytes < first.new_bytes / 2, "{second:?} {first:?}");
    assert_eq!(pieces(&plan.to).len(), before + 1);
    let place = Place::open(&plan.to).unwrap();
    let drilled = backup::drill(&place, None, &context()).unwrap();
    assert_eq!((drilled.files, drilled.opened, drilled.faults.len()), (3, 2, 0));
    let set = backup::restore(&place, Some(&first.set), &desk.path().join("back"), &context()).unwrap();
    let table = set.files.iter().find(|kept| kept.path.ends_with("rows.csv")).unwrap();
    let back = fs::read(desk.path().join("back").join(&table.path)).unwrap();
    assert_eq!(back, rows[..rows.len() - 4]);
    let twice = backup::restore(&place, None, &desk.path().join("back"), &context()).unwrap_err();
    assert!(said(&twice).contains("is there already"), "{twice}");
}

#[test]
fn older_sets_leave_with_their_pieces() {
    let (_desk, plan) = desk();
    for i in 0..4 {
        fs::write(&plan.files[0], format!("{i}\n")).unwrap();
        backup::run(&plan, NOW + i * 86_400_000_000, &context()).unwrap();
    }
    let place = Place::open(&plan.to).unwrap();
    assert_eq!(place.ids().unwrap(), ["20261202T201253Z", "20261203T201253Z"]);
    for id in place.ids().unwrap() {
        assert_eq!(backup::drill(&place, Some(&id), &context()).unwrap().faults.len(), 0);
    }
    let of_rows = |piece: &PathBuf| fs::metadata(piece).unwrap().len() < 30;
    assert_eq!(pieces(&plan.to).iter().filter(|p| of_rows(p)).count(), 2, "one of each set that stays");
}

#[test]
fn a_damaged_copy_is_noticed_and_restores_nothing() {
    for damage in ["flip", "cut", "gone"] {
        let (desk, plan) = desk();
        backup::run(&plan, NOW, &context()).unwrap();
        let place = Place::open(&plan.to).unwrap();
        let set = place.set(None).unwrap();
        let table = set.files.iter().find(|kept| kept.path.ends_with("rows.csv")).unwrap();
        let piece =
            pieces(&plan.to).into_iter().find(|p| p.to_str().unwrap().contains(&table.pieces[1])).unwrap();
        let mut bytes = fs::read(&piece).unwrap();
        match damage {
            "flip" => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(&piece, bytes).unwrap();
            }
            "cut" => fs::write(&piece, &bytes[..bytes.len() / 2]).unwrap(),
            _ => fs::remove_file(&piece).unwrap(),
        }
        let drilled = backup::drill(&place, None, &context()).unwrap();
        assert_eq!(drilled.faults.len(), 1, "{damage}: {drilled:?}");
        assert!(
            drilled.faults[0].path.ends_with("rows.csv")
                && drilled.faults[0].problem.contains(&table.pieces[1])
        );
        let back = desk.path().join("back");
        let error = backup::restore(&place, None, &back, &context()).unwrap_err();
        assert!(said(&error).contains("rows.csv") && !back.exists(), "{error}");
        // The file is still there, so the next run heals the place.
        backup::run(&plan, NOW, &context()).unwrap();
        assert_eq!(backup::drill(&place, None, &context()).unwrap().faults.len(), 0, "{damage}");
    }
}

#[test]
fn what_cannot_be_backed_up_leaves_no_set() {
    let (desk, plan) = desk();
    backup::run(&plan, NOW, &context()).unwrap();
    let gone = Plan { files: vec![desk.path().join("nowhere.csv")], ..plan.clone() };
    let error = backup::run(&gone, NOW, &context()).unwrap_err();
    assert!(said(&error).contains("nowhere.csv"), "{error}");
    let no_store = Plan { stores: vec![desk.path().join("no.db")], ..plan.clone() };
    let error = backup::run(&no_store, NOW, &context()).unwrap_err();
    assert!(said(&error).contains("no.db") && !desk.path().join("no.db").exists(), "{error}");
    assert_eq!(Place::open(&plan.to).unwrap().ids().unwrap().len(), 1);
    let elsewhere = Plan { to: desk.path().join("m"), ..plan.clone() };
    let error = backup::run(&elsewhere, NOW, &context()).unwrap_err();
    assert!(said(&error).contains("not empty"), "{error}");
    // A disk that is gone: its folder is not made anew on another one.
    let away = Plan { to: desk.path().join("disk/second"), ..plan.clone() };
    let error = backup::run(&away, NOW, &context()).unwrap_err();
    assert!(said(&error).contains("there is no folder") && said(&error).contains("disk"), "{error}");
    assert!(!desk.path().join("disk").exists());
    let nothing = Plan { files: vec![], stores: vec![], ..plan };
    assert!(backup::run(&nothing, NOW, &context()).is_err());
    assert!(Place::open(desk.path()).is_err());
}

#[test]
fn a_list_from_elsewhere_cannot_lead_out_of_the_folder() {
    let (desk, plan) = desk();
    let done = backup::run(&plan, NOW, &context()).unwrap();
    let list = plan.to.join("sets").join(format!("{}.json", done.set));
    let text = fs::read_to_string(&list).unwrap();
    let path = Place::open(&plan.to).unwrap().set(None).unwrap().files[0].path.clone();
    for evil in ["../out.csv", "/etc/out.csv", ""] {
        fs::write(&list, text.replace(&path, evil)).unwrap();
        let place = Place::open(&plan.to).unwrap();
        let error = backup::restore(&place, None, &desk.path().join("back"), &context()).unwrap_err();
        assert!(said(&error).contains("not a list"), "{evil}: {error}");
    }
}

#[test]
fn one_that_is_made_by_itself_is_made_when_the_latest_is_too_old() {
    let (desk, plan) = desk();
    let recipe = desk.path().join("r.toml");
    let text = |every: &str| {
        format!("[data]\nsource = \"rows.csv\"\n[backup]\nto = {:?}\nevery = \"{every}\"\n", plan.to)
    };
    fs::write(&recipe, text("2h")).unwrap();
    let store = plan.stores[0].to_str().unwrap();
    let nightly = regular(&recipe, &[desk.path().join("m")], store).unwrap();
    let hour = 3_600_000_000;
    assert_eq!(nightly.when_due(NOW, &context()).unwrap().unwrap().files, 4);
    assert!(nightly.when_due(NOW + 2 * hour - 1_000_000, &context()).unwrap().is_none());
    assert!(nightly.when_due(NOW + 2 * hour, &context()).unwrap().is_some());
    // The clock was turned back: the one from the future is young.
    assert!(nightly.when_due(NOW - hour, &context()).unwrap().is_none());
    let in_postgres = regular(&recipe, &[], "postgres://me@localhost/loop").unwrap();
    assert!(in_postgres.plan.stores.is_empty());
    for (every, problem) in [("soon", "'soon' is not a duration"), ("0.5s", "every second")] {
        fs::write(&recipe, text(every)).unwrap();
        let refused = regular(&recipe, &[], store).unwrap_err();
        assert!(said(&refused).contains(problem), "{refused}");
    }
    fs::write(&recipe, "[data]\nsource = \"rows.csv\"\n").unwrap();
    assert!(said(&regular(&recipe, &[], store).unwrap_err()).contains("no second place"));
}
