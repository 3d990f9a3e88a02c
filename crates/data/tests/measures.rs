//! Heights in feet and inches, angles of maps, days of a year: each read as the number or the day that it says.

use tidemill_core::recipe::{ColumnSpec, Recipe};
use tidemill_core::{Axis, Context, Kind, Layout};
use tidemill_data::{InferredSchema, Weight, infer};

use crate::reading::{column, numbers, plan_of, text};

/// By the definitions: 12 inches in a foot, 16 ounces in a pound, 14 pounds in a stone, 60 minutes in a degree.
#[test]
fn quantities_in_parts_are_numbers_of_one_unit() {
    for (csv, wanted, format) in [
        ("x,y\n5'11\",a\n6'0\",b\n5' 4\",c\n", vec![71.0, 72.0, 64.0], "units:in"),
        ("x,y\n5 ft 11 in,a\n6 ft,b\n5 ft 4.5 in,c\n", vec![71.0, 72.0, 64.5], "units:in"),
        ("x,y\n5'11,a\n180 cm,b\n6'1,c\n5'9,d\n", vec![71.0, 180.0 / 2.54, 73.0, 69.0], "units:in"),
        ("x,y\n7 lb 3 oz,a\n8 lb 0 oz,b\n6 lb 15 oz,c\n", vec![115.0, 128.0, 111.0], "units:oz"),
        ("x,y\n11 st 4 lb,a\n9 st 13 lb,b\n10 st 1 lb,c\n", vec![158.0, 139.0, 141.0], "units:lb"),
        ("x,y\n1m75,a\n1m68,b\n1m91,c\n", vec![175.0, 168.0, 191.0], "units:cm"),
        ("x,y\n15.6\",a\n13.3\",b\n14\",c\n", vec![15.6, 13.3, 14.0], "unit:\""),
        ("x,y\n45°,a\n90°,b\n22.5°,c\n", vec![45.0, 90.0, 22.5], "unit:°"),
        ("x,y\n45°30',a\n90°,b\n22.5°,c\n", vec![45.5, 90.0, 22.5], "degrees"),
    ] {
        let found = numbers(&*text(csv), "x");
        assert_eq!(found.len(), wanted.len(), "{csv:?}");
        assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-9), "{csv:?}: {found:?}");
        assert_eq!(column(&*text(csv), "x").format.to_string(), format, "{csv:?}");
    }
}

#[test]
fn fractions_and_marked_numbers_are_numbers() {
    for (csv, wanted, format) in [
        ("x,y\n1 1/4,a\n3/8,b\n2,c\n7 1/2,d\n", vec![1.25, 0.375, 2.0, 7.5], "fraction"),
        ("x,y\n2½,a\n¾,b\n12,c\n1,d\n5,e\n", vec![2.5, 0.75, 12.0, 1.0, 5.0], "fraction"),
        ("x,y\n\"1 1/4\"\"\",a\n\"3/8\"\"\",b\n\"2\"\"\",c\n", vec![1.25, 0.375, 2.0], "fraction+unit:\""),
        ("x,y\n4.2*,a\n3.1,b\n17†,c\n8.1 [2],d\n", vec![4.2, 3.1, 17.0, 8.1], "marks"),
        ("x,y\n0.03 *,a\n0.004 **,b\n<0.001 ***,c\n0.2,d\n", vec![0.03, 0.004, 0.001, 0.2], "censored+marks"),
        ("x,y\n5 kg*,a\n6 kg,b\n7 kg,c\n", vec![5.0, 6.0, 7.0], "marks+unit:kg"),
    ] {
        let source = text(csv);
        assert_eq!(numbers(&*source, "x"), wanted, "{csv:?}");
        assert_eq!(column(&*source, "x").format.to_string(), format, "{csv:?}");
    }
    let notes = plan_of(&*text("x,y\n4.2*,a\n3.1,b\n17,c\n8.1,d\n"), None).notes;
    assert!(
        notes.iter().any(|note| note.code == "footnote_marks" && note.message.starts_with("1 of 4")),
        "{notes:?}"
    );
    // A pressure and the result of a match are no fractions.
    for csv in ["x,y\n120/80,a\n135/90,b\n110/70,c\n", "x,y\n3-1,a\n2-2,b\n0-1,c\n"] {
        assert_ne!(column(&*text(csv), "x").kind, Kind::Number, "{csv:?}");
    }
}

#[test]
fn what_the_recipe_calls_a_number_is_not_emptied_in_silence() {
    let told = |csv: &str| {
        let mut recipe = Recipe::default();
        let spec = ColumnSpec { kind: Some(Kind::Number), ..ColumnSpec::default() };
        recipe.columns.insert("x".into(), spec);
        infer(&*text(csv), &recipe, &Context::default())
    };
    // Words beside numbers do not hide how the numbers are written.
    let plan = told("x,y\n\"$1,200\",a\nsoon,b\n$950,c\nlater,d\n\"$1,050\",e\n").unwrap();
    assert_eq!(plan.column("x").unwrap().format.to_string(), "thousands_comma+currency");
    let said = |plan: &InferredSchema| {
        let note = plan.notes.iter().find(|note| note.code == "told_unread").unwrap();
        (note.message.clone(), note.weight)
    };
    let (message, weight) = said(&plan);
    assert!(message.starts_with("2 of 5 values, such as 'soon'") && weight == Weight::Warning, "{message}");
    assert_eq!(said(&told("x,y\n5,a\nsoon,b\nlater,c\nnever,d\n").unwrap()).1, Weight::Severe);
    let error = told("x,y\nred,a\nblue,b\ngreen,c\n").unwrap_err().to_string();
    assert!(error.contains("columns.x.kind") && error.contains("'red'"), "{error}");
    assert!(told("x,y\n5,a\n7,b\n,c\n").unwrap().notes.iter().all(|note| note.code != "told_unread"));
}

#[test]
fn coordinates_in_degrees_and_minutes_are_a_place() {
    let csv = "lat,lon,y\n52°30'N,13°24'E,1\n12°15'S,77°0'36\"W,2\n0°45'N,0°30'W,3\n48°51'N,2°21'E,4\n";
    let source = text(csv);
    let near = |name: &str, wanted: [f64; 4]| {
        let found = numbers(&*source, name);
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-9), "{name}: {found:?}");
    };
    near("lat", [52.5, -12.25, 0.75, 48.85]);
    near("lon", [13.4, -77.01, -0.5, 2.35]);
    let plan = plan_of(&*source, Some("y"));
    let layout = |name: &str| plan.column(name).unwrap().layout;
    assert_eq!(layout("lon"), Some(Layout::Coordinate { axis: Axis::X, degrees: true }));
    assert_eq!(layout("lat"), Some(Layout::Coordinate { axis: Axis::Y, degrees: true }));
    // A letter alone is a hemisphere where its opposite is there, too, and a unit or a mark elsewhere.
    assert_eq!(numbers(&*text("x,y\n13.4E,a\n2.1W,b\n5.5E,c\n"), "x"), [13.4, -2.1, 5.5]);
    assert_eq!(column(&*text("x,y\n12.5W,a\n60.0W,b\n40.5W,c\n"), "x").format.to_string(), "unit:w");
    assert_ne!(column(&*text("x,y\n12N,a\n14S,b\n3N,c\n"), "x").format.to_string(), "degrees");
}

#[test]
fn days_of_a_year_are_times_where_the_name_says_so() {
    let csv = |name: &str, sign: &str| {
        let rows = (0..40).map(|i| format!("{}{sign}{:03},{i}.5\n", 2023 + i / 20, 1 + 17 * (i % 20)));
        format!("{name},y\n{}", rows.collect::<String>())
    };
    for (name, sign, format) in [("date", "-", "%Y-%j"), ("obs_date", "", "%Y%j")] {
        let found = column(&*text(&csv(name, sign)), name);
        assert_eq!((found.kind, found.format.to_string().as_str()), (Kind::Time, format), "{}", found.why);
    }
    let mut recipe = Recipe::default();
    recipe.data.time = Some("x".into());
    let plan = infer(&*text(&csv("x", "-")), &recipe, &Context::default()).unwrap();
    assert_eq!(plan.column("x").unwrap().format.to_string(), "%Y-%j");
    // The 32nd day is the first of February.
    let format = plan.column("x").unwrap().format.clone();
    let tidemill_data::parse::Format::Time(format) = format else { panic!("no time") };
    assert_eq!(format.parse("2024-032"), Some(1_706_745_600_000_000));
    assert_eq!(format.parse("2023-366"), None);
    // Numbers of invoices look the same.
    assert_ne!(column(&*text(&csv("invoice", "-")), "invoice").kind, Kind::Time);
}
