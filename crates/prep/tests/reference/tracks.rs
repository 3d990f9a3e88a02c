//! `track_features` against the answers of pyproj, SciPy and numpy, stored in `tracks.json` by `tracks.py`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, TimestampMicrosecondArray};
use serde::Deserialize;
use serde_json::json;
use tidemill_core::{
    Batch, Column, Context, Estimator, Kind, Point, Role, Schema, Table, Training, series_column,
};
use tidemill_prep::TrackFeatures;

#[derive(Deserialize)]
struct Stored {
    stop_speed: f64,
    tracks: Vec<Track>,
}

#[derive(Deserialize)]
struct Track {
    degrees: bool,
    times: Vec<f64>,
    places: Vec<[f64; 2]>,
    quaternions: Vec<[f64; 4]>,
    features: Vec<BTreeMap<String, f64>>,
}

impl Track {
    fn micros(&self, i: usize) -> i64 {
        (self.times[i] * 1e6).round() as i64
    }

    /// By part of a fix: x, y and the quaternion.
    fn part(&self, j: usize, i: usize) -> f64 {
        if j < 2 { self.places[i][j] } else { self.quaternions[i][j - 2] }
    }
}

const PARTS: [&str; 6] = ["x", "y", "qw", "qx", "qy", "qz"];

fn stored() -> Stored {
    serde_json::from_str(include_str!("tracks.json")).unwrap()
}

fn step(degrees: bool, stop_speed: f64, key: Option<&str>) -> TrackFeatures {
    let pose = &PARTS[2..];
    let said =
        json!({ "x": "x", "y": "y", "degrees": degrees, "pose": pose, "stop_speed": stop_speed, "key": key });
    serde_json::from_value(said).unwrap()
}

/// Fixes as rows, in the order that `rows` gives: which track, and which fix of it.
fn fixes(tracks: &[&Track], rows: &[(usize, usize)]) -> Table {
    let mut columns = vec![Column::new("at", Kind::Time), Column::new("who", Kind::Text)];
    let times = rows.iter().map(|&(t, i)| tracks[t].micros(i));
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
        Arc::new(rows.iter().map(|(t, _)| Some(format!("track {t}"))).collect::<StringArray>()),
    ];
    for (j, name) in PARTS.iter().enumerate() {
        columns.push(Column::number(*name));
        let values = rows.iter().map(|&(t, i)| tracks[t].part(j, i));
        arrays.push(Arc::new(Float64Array::from_iter_values(values)));
    }
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

fn said(batch: &Batch, name: &str, i: usize) -> f64 {
    let at = batch.schema().index(&format!("track_{name}")).unwrap();
    let missing = batch.column(at).is_null(i);
    match batch.schema().columns()[at].kind {
        _ if missing => f64::NAN,
        Kind::Flag => f64::from(u8::from(batch.flags(at).unwrap().value(i))),
        _ => batch.numbers(at).unwrap().value(i),
    }
}

/// What a row says is what is stored, and nothing else is said.
fn agrees(batch: &Batch, row: usize, wanted: &BTreeMap<String, f64>, degrees: bool) {
    let own = batch.schema().names().filter_map(|name| name.strip_prefix("track_"));
    for name in own {
        let (found, wanted) = (said(batch, name, row), wanted.get(name).copied().unwrap_or(f64::NAN));
        // Short ways on a sphere lose digits in both programs; half a micrometre does not matter.
        let tolerance = if degrees { 2e-6 } else { 1e-9 };
        let off = (found - wanted).abs() / (1.0 + wanted.abs());
        assert!(
            off <= tolerance || (found.is_nan() && wanted.is_nan()),
            "row {row}, {name}: {found}, not {wanted}"
        );
    }
}

#[test]
fn motion_agrees_with_pyproj_and_scipy() {
    let Stored { stop_speed, tracks } = stored();
    for track in &tracks {
        let rows: Vec<(usize, usize)> = (0..track.times.len()).map(|i| (0, i)).collect();
        let table = fixes(&[track], &rows);
        let step = step(track.degrees, stop_speed, None);
        let (_, made) = step.fit_apply(Training::on(&table), &Context::default()).unwrap();
        assert_eq!(made.batch().schema().len(), 8 + 19 + 7);
        for (i, wanted) in track.features.iter().enumerate() {
            agrees(made.batch(), i, wanted, track.degrees);
        }
    }
}

#[test]
fn tracks_are_told_apart_and_the_order_of_rows_is_of_no_interest() {
    let Stored { stop_speed, tracks } = stored();
    let both: Vec<&Track> = tracks.iter().filter(|t| t.degrees).collect();
    let n = both[0].times.len();
    // Backwards, one of each in turn.
    let rows: Vec<(usize, usize)> = (0..n).rev().flat_map(|i| [(1, i), (0, i)]).collect();
    let table = fixes(&both, &rows);
    let (fitted, made) =
        step(true, stop_speed, Some("who")).fit_apply(Training::on(&table), &Context::default()).unwrap();
    for (row, &(t, i)) in rows.iter().enumerate() {
        agrees(made.batch(), row, &both[t].features[i], true);
    }
    // A later row finds the fixes of training before it, whoever comes beside it.
    let asked = fixes(&both, &rows[..3]);
    let again = fitted.bind(asked.batch().schema()).unwrap().apply(asked.batch()).unwrap();
    for (row, &(t, i)) in rows[..3].iter().enumerate() {
        agrees(&again, row, &both[t].features[i], true);
    }
}

#[test]
fn a_row_that_holds_its_track_says_the_same_without_training_on_it() {
    let Stored { stop_speed, tracks } = stored();
    for track in &tracks {
        let n = track.times.len();
        let columns: Vec<Column> = std::iter::once(Column::new("at", Kind::Time).with_role(Role::Time))
            .chain(PARTS.iter().map(|name| Column::new(*name, Kind::Series)))
            .collect();
        // Each row holds all of the track, and knows it up to its own time.
        let times = TimestampMicrosecondArray::from_iter_values((0..n).map(|i| track.micros(i)));
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(times.with_timezone("UTC"))];
        for j in 0..PARTS.len() {
            let whole: Vec<Point> = (0..n).map(|i| (track.micros(i), track.part(j, i))).collect();
            arrays.push(series_column((0..n).map(|_| Some(&whole[..]))).unwrap());
        }
        let table = Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap());
        let step = step(track.degrees, stop_speed, None);
        let (_, made) = step.fit_apply(Training::on(&table), &Context::default()).unwrap();
        assert_eq!(made.batch().schema().len(), 1 + 19 + 7, "the series are replaced");
        for (i, wanted) in track.features.iter().enumerate() {
            agrees(made.batch(), i, wanted, track.degrees);
        }
    }
}

#[test]
fn what_is_no_fix_is_told_with_its_row_and_a_remedy() {
    let Stored { tracks, .. } = stored();
    let mut track = tracks.into_iter().next().unwrap();
    track.quaternions[3] = [0.0; 4];
    track.places[5] = [13.4, 152.5];
    let rows: Vec<(usize, usize)> = (0..10).chain([7]).map(|i| (0, i)).collect();
    let table = fixes(&[&track], &rows);
    let context = Context::default();
    let (_, made) = step(true, 0.5, Some("who")).fit_apply(Training::on(&table), &context).unwrap();
    let told: Vec<String> =
        context.warnings().into_iter().map(|w| format!("{}: {}", w.code, w.message)).collect();
    for (code, words) in [
        ("no_rotation: 1 rows", ["'qw', 'qx', 'qy', 'qz'", "training row 4"]),
        ("no_place: 1 rows", ["'x' and 'y'", "training row 6"]),
        ("repeated_times: 1 rows", ["check the key 'who'", "training row 11"]),
    ] {
        let found = told.iter().find(|t| t.starts_with(code)).unwrap_or_else(|| panic!("{code}: {told:?}"));
        assert!(words.iter().all(|word| found.contains(word)), "{found}");
    }
    // The row without a rotation still moves; the one without a place says nothing, and the next looks past it.
    assert!(said(made.batch(), "speed", 3) >= 0.0 && said(made.batch(), "rotation_angle", 3).is_nan());
    assert!(said(made.batch(), "gap", 5).is_nan());
    assert!((said(made.batch(), "gap", 6) - (track.times[6] - track.times[4])).abs() < 1e-9);
    // Of two rows at one time neither is before the other.
    assert_eq!(said(made.batch(), "gap", 7), said(made.batch(), "gap", 10));
    let unknown = TrackFeatures { degrees: None, ..step(true, 0.5, None) };
    let error = unknown.fit(Training::on(&table), &context).err().unwrap();
    assert!(error.to_string().contains("'x' holds degrees or lengths"), "{error}");
}
