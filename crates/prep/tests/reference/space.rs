//! Steps that read places against the answers of pyproj and scikit-learn, stored in `space.json` by `space.py`.

use std::sync::Arc;

use arrow_array::Float64Array;
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Column, Context, Estimator, Kind, Layout, Role, Schema, Table, Training, point_column,
};
use tidemill_kernel::geo::Place;
use tidemill_prep::{GeoFeatures, Project};

fn stored() -> Value {
    serde_json::from_str(include_str!("space.json")).unwrap()
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn table(places: &[Option<Place>], target: &[f64], degrees: bool) -> Table {
    let point = Column::new("place", Kind::Point).with_layout(Layout::Point { degrees });
    let schema = Schema::new(vec![point, Column::number("y").with_role(Role::Target)]).unwrap();
    let points = point_column(places.iter().copied()).unwrap();
    let target = Arc::new(Float64Array::from(target.to_vec()));
    Table::new(Batch::new(Arc::new(schema), vec![points, target]).unwrap())
}

fn some(places: &[Place]) -> Vec<Option<Place>> {
    places.iter().copied().map(Some).collect()
}

fn column(batch: &Batch, name: &str) -> Vec<f64> {
    let at = batch.schema().index(name).unwrap();
    batch.numbers(at).unwrap().iter().map(|x| x.unwrap_or(f64::NAN)).collect()
}

#[test]
fn maps_agree_with_proj_to_a_centimetre() {
    let stored = stored();
    let maps = stored["maps"].as_array().unwrap();
    assert!(maps.len() > 20);
    for map in maps {
        let (places, wanted): (Vec<Place>, Vec<Place>) = (read(&map["places"]), read(&map["projected"]));
        let step: Project = read(&json!({ "to": map["to"] }));
        let table = table(&some(&places), &vec![0.0; places.len()], true);
        let (_, made) = step.fit_apply(Training::on(&table), &Context::default()).unwrap();
        let (x, y) = (column(made.batch(), "place_x"), column(made.batch(), "place_y"));
        for (row, [east, north]) in wanted.into_iter().enumerate() {
            let off = (x[row] - east).hypot(y[row] - north);
            assert!(
                off < 0.01,
                "{}: {:?} is {off} m off: {} {}, not {east} {north}",
                map["to"],
                places[row],
                x[row],
                y[row]
            );
        }
    }
}

#[test]
fn what_is_near_agrees_with_scikit_learn() {
    let stored = stored();
    let around = &stored["around"];
    let (train, ask): (Vec<Place>, Vec<Place>) = (read(&around["train"]), read(&around["ask"]));
    let target: Vec<f64> = read(&around["target"]);
    let step: GeoFeatures =
        read(&json!({ "neighbors": 5, "radii": [30000.0], "places": { "centre": around["centre"] } }));
    let fitted = step.fit(Training::on(&table(&some(&train), &target, true)), &Context::default()).unwrap();
    let asked = table(&some(&ask), &vec![0.0; ask.len()], true);
    let made = fitted.bind(asked.batch().schema()).unwrap().apply(asked.batch()).unwrap();
    for name in ["to_centre", "bearing_centre", "near_distance", "near_target", "within_30000"] {
        let (found, wanted): (_, Vec<f64>) = (column(&made, &format!("place_{name}")), read(&around[name]));
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() <= 1e-9 * (1.0 + wanted.abs()), "{name}: {found}, not {wanted}");
        }
    }
}

/// Without folds the mean of five neighbours, itself among them, would correlate with a target of pure chance.
#[test]
fn no_training_row_sees_its_own_target() {
    let stored = stored();
    let train: Vec<Place> = read(&stored["around"]["train"]);
    let target: Vec<f64> = read(&stored["around"]["target"]);
    let step: GeoFeatures = read(&json!({ "neighbors": 1, "radii": [1.0] }));
    let (_, made) =
        step.fit_apply(Training::on(&table(&some(&train), &target, true)), &Context::default()).unwrap();
    let said = column(made.batch(), "place_near_target");
    assert!(said.iter().zip(&target).all(|(said, own)| said != own && target.contains(said)));
    // Nor does it count itself, and its neighbour is another.
    assert!(column(made.batch(), "place_within_1").iter().all(|n| *n == 0.0));
    assert!(column(made.batch(), "place_near_distance").iter().all(|d| *d > 0.0));
}

#[test]
fn islands_missing_places_and_one_place_miss_what_others_would_say() {
    let context = Context::default();
    let step: GeoFeatures = read(&json!({ "neighbors": 2, "reach": 10.0 }));
    let places = [Some([0.0, 0.0]), Some([1.0, 0.0]), Some([500.0, 0.0]), None];
    let fitted = step.fit(Training::on(&table(&places, &[1.0, 3.0, 9.0, 9.0], false)), &context).unwrap();
    let warnings = context.warnings();
    assert!(
        warnings.iter().any(|w| w.code == "islands" && w.message.contains("training row 3")),
        "{warnings:?}"
    );
    let asked = table(&[Some([0.0, 1.0]), Some([900.0, 0.0]), None, Some([f64::NAN, 0.0])], &[0.0; 4], false);
    let made = fitted.bind(asked.batch().schema()).unwrap().apply(asked.batch()).unwrap();
    let said = column(&made, "place_near_target");
    assert_eq!(said[0], 2.0);
    assert!(said[1..].iter().all(|x| x.is_nan()));
    // All at one place: each has the others at no distance.
    let same = table(&[Some([2.0, 2.0]); 4], &[1.0, 2.0, 3.0, 4.0], false);
    let (_, made) = step.fit_apply(Training::on(&same), &context).unwrap();
    assert_eq!(column(made.batch(), "place_near_distance"), [0.0; 4]);
    // One alone has no neighbour.
    let one = table(&[Some([2.0, 2.0])], &[1.0], false);
    let (_, made) = step.fit_apply(Training::on(&one), &context).unwrap();
    assert!(column(made.batch(), "place_near_target")[0].is_nan());
}

#[test]
fn mixed_systems_are_refused_by_name() {
    let plane = table(&[Some([907.0, 534.0])], &[1.0], false);
    let error = Project::default().fit(Training::on(&plane), &Context::default()).err().unwrap();
    assert!(error.to_string().contains("'place' holds x and y in a plane"), "{error}");
    let step: GeoFeatures = read(&json!({ "places": { "centre": [907.0, 534.0] } }));
    let degrees = table(&[Some([13.4, 52.5])], &[1.0], true);
    let error = step.fit(Training::on(&degrees), &Context::default()).err().unwrap();
    assert!(error.to_string().contains("place 'centre'") && error.to_string().contains("907"), "{error}");
}
