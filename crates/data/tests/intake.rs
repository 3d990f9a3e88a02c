//! The intake: training and service read alike, in bulk and one by one.

#![expect(clippy::unwrap_used, reason = "a helper of a test may stop the test")]

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, StringArray};
use proptest::prelude::*;
use tidemill_core::recipe::{Recipe, Spellings, Task};
use tidemill_core::{Batch, Cell, Column, Context, Fitted, Kind, Registry, Role, Row, Schema, Source, Table};
use tidemill_data::parse::{NumberFormat, Thousands};
use tidemill_data::{InferredColumn, InferredSchema, Ingest, infer};

fn texts(columns: &[(&str, Vec<&str>)]) -> Table {
    let schema = Schema::new(columns.iter().map(|(n, _)| Column::new(*n, Kind::Text)).collect()).unwrap();
    let arrays = columns.iter().map(|(_, v)| Arc::new(StringArray::from(v.clone())) as ArrayRef).collect();
    Table::new(Batch::new(Arc::new(schema), arrays).unwrap())
}

fn recipe(target: &str) -> Recipe {
    let mut recipe = Recipe::default();
    recipe.data.target = Some(target.into());
    recipe
}

fn fit(table: &Table, recipe: &Recipe) -> (Arc<Ingest>, Table, Context) {
    let context = Context::default();
    let plan = infer(table, recipe, &context).unwrap();
    let (intake, table) = Ingest::fit(table, plan, &context).unwrap();
    (intake, table, context)
}

fn mixed() -> Table {
    let n = 60usize;
    let text = |of: &dyn Fn(usize) -> String| (0..n).map(of).collect::<Vec<String>>();
    let columns = [
        ("id", text(&|i| format!("A{i:04}"))),
        ("age", text(&|i| if i % 7 == 3 { "NA".into() } else { format!("{}", 20 + (i * 7) % 50) })),
        ("price", text(&|i| format!("{},{:02} €", 5 + i % 9, i % 100))),
        ("member", text(&|i| ["ja", "nein", ""][i % 3].into())),
        ("town", text(&|i| ["Bern", " Basel", "Chur", "?"][i % 4].into())),
        ("joined", text(&|i| format!("{}.{}.2021", 1 + i % 28, 1 + i % 12))),
        ("nothing", text(&|_| "x".into())),
        ("target", text(&|i| if i == 5 { "".into() } else { ["low", "mid", "top"][i * 5 % 3].into() })),
    ];
    let borrowed: Vec<(&str, Vec<&str>)> =
        columns.iter().map(|(n, v)| (*n, v.iter().map(String::as_str).collect())).collect();
    texts(&borrowed)
}

#[test]
fn a_table_is_read_whole() {
    let (intake, table, context) = fit(&mixed(), &recipe("target"));
    let batch = table.batch();
    let names: Vec<&str> = batch.schema().names().collect();
    assert_eq!(names, ["id", "age", "price", "member", "town", "joined", "target"]);
    assert_eq!(batch.n_rows(), 59);
    assert_eq!(batch.numbers(2).unwrap().value(1), 6.01);
    assert!(batch.flags(3).unwrap().value(0) && batch.flags(3).unwrap().is_null(2));
    let towns: Vec<&str> =
        batch.schema().columns()[4].categories().unwrap().names().iter().map(|n| &**n).collect();
    assert_eq!(towns, ["Basel", "Bern", "Chur"]);
    assert_eq!(batch.times(5).unwrap().value(0), 1_609_459_200_000_000);
    assert_eq!(intake.plan().classes, ["low", "mid", "top"]);
    assert_eq!(intake.plan().role(Role::Key).unwrap().name, "id");
    let codes: Vec<String> = context.warnings().into_iter().map(|w| w.code).collect();
    assert_eq!(codes, ["target_missing"]);
}

#[test]
fn saving_and_loading_change_nothing_and_rows_equal_the_batch() {
    let raw = mixed();
    let (intake, _, _) = fit(&raw, &recipe("target"));
    let loaded = Ingest::load(&Registry::default(), intake.state()).unwrap();
    assert_eq!(loaded.state(), intake.state());
    let mut run = loaded.bind(raw.schema()).unwrap();
    let bulk = run.apply(raw.batch()).unwrap();
    assert_eq!(**bulk.schema(), intake.output(raw.schema()).unwrap());
    for i in 0..bulk.n_rows() {
        let mut row = Row::of(raw.batch(), i).unwrap();
        run.row(&mut row).unwrap();
        assert_eq!(row, Row::of(&bulk, i).unwrap(), "row {i}");
    }
}

#[test]
fn other_sources_give_the_same_columns() {
    let (intake, _, _) = fit(&mixed(), &recipe("target"));
    // Other order, other types, one more column, no key and no target.
    let schema = Schema::new(vec![
        Column::new("town", Kind::Text),
        Column::new("member", Kind::Flag),
        Column::new("extra", Kind::Text),
        Column::new("price", Kind::Number),
        Column::new("joined", Kind::Text),
        Column::new("age", Kind::Number),
    ]);
    let schema = Arc::new(schema.unwrap());
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["Chur", "Genf"])),
        Arc::new(BooleanArray::from(vec![true, false])),
        Arc::new(StringArray::from(vec!["a", "b"])),
        Arc::new(Float64Array::from(vec![7.25, f64::INFINITY])),
        Arc::new(StringArray::from(vec!["2021-03-01", "soon"])),
        Arc::new(Float64Array::from(vec![30.0, f64::NAN])),
    ];
    let batch = Batch::new(schema.clone(), arrays).unwrap();
    let out = intake.clone().bind(&schema).unwrap().apply(&batch).unwrap();
    let names: Vec<&str> = out.schema().names().collect();
    assert_eq!(names, ["age", "price", "member", "town", "joined"]);
    assert_eq!(intake.unknown(&schema), ["extra"]);
    assert!(out.numbers(0).unwrap().is_null(1) && out.numbers(1).unwrap().is_null(1));
    assert_eq!(out.codes(3).unwrap().values().to_vec(), [2, 3]);
    assert!(out.times(4).unwrap().is_valid(0) && out.times(4).unwrap().is_null(1));
    let messages: Vec<String> = intake.warnings().into_iter().map(|w| w.message).collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert!(messages[2].contains("'town'") && messages[2].contains("'Genf' in row 2"), "{messages:?}");
    assert!(messages[0].contains("'joined'") && messages[0].contains("'soon' in row 2"), "{messages:?}");
    assert!(intake.warnings().is_empty());
}

#[test]
fn a_missing_feature_is_named_with_the_nearest() {
    let (intake, _, _) = fit(&mixed(), &recipe("target"));
    let schema = Schema::new(vec![Column::new("agee", Kind::Text)]).unwrap();
    let error = intake.bind(&schema).err().unwrap();
    assert_eq!(error.code(), "missing_column");
    assert!(
        error.to_string().contains("'age'") && error.to_string().contains("did you mean 'agee'"),
        "{error}"
    );
}

#[test]
fn a_list_where_a_number_should_be_is_an_error() {
    let (intake, _, _) =
        fit(&texts(&[("a", vec!["1", "2", "3", "4.5"]), ("y", vec!["u", "v", "u", "v"])]), &recipe("y"));
    let schema = Schema::new(vec![Column::new("a", Kind::Text)]).unwrap();
    let mut run = intake.bind(&schema).unwrap();
    let error = run.row(&mut Row { cells: vec![Cell::Vector(vec![1.0])] }).unwrap_err();
    assert!(error.to_string().contains("'a'"), "{error}");
}

#[test]
fn the_recipe_overrides() {
    let table = texts(&[
        ("code", vec!["1", "2", "3", "1", "2", "3"]),
        ("when", vec!["1/2/2020", "3/2/2020", "1/4/2020", "1/5/2020", "6/2/2020", "9/9/2020"]),
        ("y", vec!["no", "yes", "no", "yes", "no", "-9"]),
    ]);
    let mut recipe = recipe("y");
    recipe.data.missing = vec!["-9".into()];
    recipe.data.positive = Some("no".into());
    let columns = r#"{ "code": { "kind": "category" }, "when": { "kind": "time", "format": "day_first", "role": "time" } }"#;
    recipe.columns = serde_json::from_str(columns).unwrap();
    let (intake, table, _) = fit(&table, &recipe);
    assert_eq!(intake.plan().task, Some(Task::Binary));
    assert_eq!(intake.plan().classes, ["yes", "no"]);
    assert_eq!(table.batch().n_rows(), 5);
    let schema = table.schema();
    assert_eq!(schema.columns()[0].kind, Kind::Category);
    assert_eq!((schema.columns()[1].kind, schema.columns()[1].role), (Kind::Time, Role::Time));
    // 1 February 2020.
    assert_eq!(table.batch().times(1).unwrap().value(0), 1_580_515_200_000_000);
}

#[test]
fn bad_targets_are_refused_in_words() {
    let table = texts(&[("a", vec!["1", "2"]), ("species", vec!["x", "x"]), ("none", vec!["", "NA"])]);
    let error = |target: &str| infer(&table, &recipe(target), &Context::default()).unwrap_err().to_string();
    assert!(error("speceis").contains("did you mean 'species'"));
    assert!(error("species").contains("constant"));
    assert!(error("none").contains("missing in every row"));
    let empty = texts(&[("a", vec![]), ("y", vec![])]);
    assert!(infer(&empty, &recipe("y"), &Context::default()).unwrap_err().to_string().contains("no rows"));
}

#[test]
fn a_column_that_the_plan_took_for_something_else_is_widened() {
    let mut values = vec!["1"; 200];
    values[150..].fill("many");
    let table = texts(&[("a", values)]);
    let plan = InferredSchema {
        columns: vec![InferredColumn::new("a", Kind::Number, Role::Feature, "numbers")],
        ..InferredSchema::default()
    };
    let context = Context::default();
    let (intake, read) = Ingest::fit(&table, plan, &context).unwrap();
    assert_eq!(intake.plan().columns[0].kind, Kind::Category);
    assert_eq!(read.schema().columns()[0].categories().unwrap().len(), 2);
    assert_eq!(context.warnings()[0].code, "widened");
    assert!(context.warnings()[0].message.contains("'many'"));
}

#[test]
fn a_hundred_thousand_names_are_fine() {
    let names: Vec<String> = (0..200_000).map(|i| format!("n{} {}", i % 100_000, "x")).collect();
    let table = texts(&[("name", names.iter().map(String::as_str).collect())]);
    let plan = InferredSchema {
        columns: vec![InferredColumn::new("name", Kind::Category, Role::Feature, "names")],
        ..InferredSchema::default()
    };
    let (intake, read) = Ingest::fit(&table, plan, &Context::default()).unwrap();
    assert_eq!(read.schema().columns()[0].categories().unwrap().len(), 100_000);
    assert_eq!(read.batch().codes(0).unwrap().value(0), read.batch().codes(0).unwrap().value(100_000));
    assert!(Ingest::load(&Registry::default(), intake.state()).is_ok());
}

#[test]
fn a_damaged_state_is_refused() {
    let (intake, _, _) = fit(&mixed(), &recipe("target"));
    let mut newer = intake.state();
    newer.version = 2;
    assert!(Ingest::load(&Registry::default(), newer).is_err());
    let mut twice = intake.state();
    twice.params["columns"][1]["name"] = "id".into();
    assert!(Ingest::load(&Registry::default(), twice).is_err());
    let mut classes = intake.state();
    classes.params["classes"] = serde_json::json!(["low"]);
    assert!(Ingest::load(&Registry::default(), classes).is_err());
}

fn format() -> impl Strategy<Value = NumberFormat> {
    let thousands = prop_oneof![
        Just((None, false)),
        Just((None, true)),
        Just((Some(Thousands::Comma), false)),
        Just((Some(Thousands::Point), true)),
        Just((Some(Thousands::Space), false)),
        Just((Some(Thousands::Apostrophe), false)),
        Just((Some(Thousands::Apostrophe), true)),
        Just((Some(Thousands::Lakh), false)),
        Just((Some(Thousands::Space), true)),
    ];
    (thousands, any::<bool>(), any::<bool>()).prop_map(|((thousands, decimal_comma), percent, currency)| {
        NumberFormat { thousands, decimal_comma, percent, currency, ..NumberFormat::default() }
    })
}

proptest! {
    #[test]
    fn a_written_number_is_read_back(format in format(), x in prop_oneof![
        prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL,
        -1e9..1e9f64,
        (-1_000_000i64..1_000_000).prop_map(|i| i as f64),
    ]) {
        let written = format.write(x);
        prop_assert_eq!(format.parse(&written).map(f64::to_bits), Some(x.to_bits()), "{}", written);
    }

    #[test]
    fn no_text_is_a_panic(text in "\\PC{0,24}", number in format()) {
        let _ = number.parse(&text);
        for word in ["iso", "day_first", "month_first", "year_first", "unix_seconds", "%d %B %Y"] {
            let format = tidemill_data::parse::Format::of_recipe("c", Kind::Time, word).unwrap();
            if let tidemill_data::parse::Format::Time(format) = format {
                let _ = format.parse(&text);
            }
        }
        let _ = infer(&texts(&[("c", vec![text.as_str()])]), &Recipe::default(), &Context::default());
    }

    #[test]
    fn rows_equal_the_batch(cells in prop::collection::vec("[-0-9.,a-z€ ]{0,6}", 20..40)) {
        let column: Vec<&str> = cells.iter().map(String::as_str).collect();
        let table = texts(&[("a", column.clone()), ("b", column)]);
        let context = Context::default();
        let plan = infer(&table, &Recipe::default(), &context).unwrap();
        let (intake, read) = Ingest::fit(&table, plan, &context).unwrap();
        let mut run = intake.bind(table.schema()).unwrap();
        let bulk = run.apply(table.batch()).unwrap();
        prop_assert_eq!(format!("{:?}", bulk.columns()), format!("{:?}", read.batch().columns()));
        for i in 0..bulk.n_rows() {
            let mut row = Row::of(table.batch(), i).unwrap();
            run.row(&mut row).unwrap();
            prop_assert_eq!(row, Row::of(&bulk, i).unwrap());
        }
    }
}

/// Kind 10: the line that `check` prints for the spellings of a class mends them.
#[test]
fn spellings_are_one_name_where_the_recipe_says_so() {
    let left = ["Yes", "no", "YES ", "No", "yes", "NO", "Yes", "No"];
    let town = ["Málaga", "Bern", "malaga", "BERN", "Málaga", "Bern ", "Bern", "Chur"];
    let table = texts(&[
        ("left", left.to_vec()),
        ("town", town.to_vec()),
        ("x", vec!["1.5", "2.5", "3", "4", "5", "6", "7", "8"]),
    ]);
    let mut recipe = recipe("left");
    assert_eq!(fit(&table, &recipe).0.plan().task, Some(Task::Multiclass));
    for name in ["left", "town"] {
        recipe.columns.entry(name.into()).or_default().spellings = Some(Spellings::Merge);
    }
    let (intake, read, _) = fit(&table, &recipe);
    let plan = intake.plan();
    assert_eq!(
        (plan.task, &plan.classes[..]),
        (Some(Task::Binary), &["No".to_string(), "Yes".to_string()][..])
    );
    assert_eq!(plan.positive.as_deref(), Some("Yes"));
    assert_eq!(plan.column("town").unwrap().categories, ["Bern", "Chur", "Málaga"]);
    let codes = |name: &str| {
        read.batch().codes(read.batch().schema().index(name).unwrap()).unwrap().values().to_vec()
    };
    assert_eq!(codes("left"), [1, 0, 1, 0, 1, 0, 1, 0]);
    assert_eq!(codes("town"), [2, 0, 2, 0, 2, 0, 0, 1]);
    // And so for rows that come later, after the model was saved.
    let again = Ingest::load(&Registry::default(), intake.state()).unwrap();
    let later = texts(&[("town", vec!["MALAGA", "bern", "Genf"]), ("x", vec!["1", "2", "3"])]);
    let mut run = again.bind(later.schema()).unwrap();
    let later = run.apply(later.batch()).unwrap();
    assert_eq!(later.codes(0).unwrap().values().to_vec(), [2, 0, 3]);
    // A line that cannot act is refused.
    recipe.columns.entry("x".into()).or_default().spellings = Some(Spellings::Merge);
    let refused = infer(&table, &recipe, &Context::default()).unwrap_err();
    assert!(refused.to_string().contains("column 'x' is a number"), "{refused}");
}

/// Kind 6: every cell of a caller says whether the model knows it.
#[test]
fn a_row_says_what_training_did_not_prepare_the_model_for() {
    let note: Vec<String> =
        (0..40).map(|i| format!("the guest in room {i} asked for {} towels", i * 7 % 11)).collect();
    let at: Vec<String> = (0..40).map(|i| format!("2024-01-{:02}T10:00:00+01:00", 1 + i % 28)).collect();
    let y: Vec<&str> = (0..40).map(|i| ["a", "b"][i % 2]).collect();
    let table = texts(&[
        ("note", note.iter().map(String::as_str).collect()),
        ("at", at.iter().map(String::as_str).collect()),
        ("y", y),
    ]);
    let (intake, _, _) = fit(&table, &recipe("y"));
    let input = Schema::new(vec![Column::new("note", Kind::Text), Column::new("at", Kind::Text)]).unwrap();
    let mut reader = intake.rows(&input).unwrap();
    let mut codes = |note: &str, at: &str| {
        let mut row = Row { cells: vec![Cell::Text(note.into()), Cell::Text(at.into())] };
        let mut flaws = Vec::new();
        reader.read(&mut row, &mut flaws).unwrap();
        flaws.iter().map(|f| f.code()).collect::<Vec<_>>()
    };
    assert_eq!(codes("The guest asked", "2024-03-01T10:00:00+01:00"), Vec::<&str>::new());
    assert_eq!(codes("Zwölf Boxkämpfer", "2024-03-01T10:00:00+0100"), ["unknown_text"]);
    assert_eq!(codes("guest jagt Viktor quer", "2024-03-01"), ["partly_known_text"]);
    assert_eq!(codes("room 3", "2024-03-01T10:00:00Z"), ["other_time_zone"]);
    assert_eq!(codes("", "2024-03-01T10:00:00+01:00"), ["missing_value"]);
    assert_eq!(codes("room 3", ""), ["missing_value"]);
    assert_eq!(codes("room 3", "soon"), ["wrong_type"]);
}

/// Kind 6: a column that training knew without a value now and then may miss one.
#[test]
fn a_missing_value_is_odd_where_training_had_all() {
    let number = |i: usize| format!("{}.5", i * 37 % 101);
    let whole: Vec<String> = (0..40).map(number).collect();
    let holes: Vec<String> =
        (0..40).map(|i| if i % 9 == 0 { String::new() } else { number(i + 1) }).collect();
    let table = texts(&[
        ("whole", whole.iter().map(String::as_str).collect()),
        ("holes", holes.iter().map(String::as_str).collect()),
        ("y", (0..40).map(|i| ["a", "b"][i % 2]).collect()),
    ]);
    let (intake, _, _) = fit(&table, &recipe("y"));
    let input =
        Schema::new(vec![Column::new("whole", Kind::Text), Column::new("holes", Kind::Text)]).unwrap();
    let mut reader = intake.rows(&input).unwrap();
    let mut row = Row { cells: vec![Cell::Missing, Cell::Missing] };
    let mut flaws = Vec::new();
    reader.read(&mut row, &mut flaws).unwrap();
    let found: Vec<_> = flaws.iter().map(|f| (f.column(), f.code())).collect();
    assert_eq!(found, [("whole", "missing_value")]);
}

/// A test file of other tools writes the classes as `TRUE` and `1`; classes of other words are as they stand.
#[test]
fn classes_that_are_a_yes_and_a_no_are_read_in_each_word_of_their_language() {
    let codes = |classes: [&str; 2], labels: Vec<&str>| -> Vec<u32> {
        let known = texts(&[("x", vec!["1.5", "2.5", "3", "4"]), ("y", [classes, classes].concat())]);
        let (intake, ..) = fit(&known, &recipe("y"));
        let numbers = vec!["1.5"; labels.len()];
        let rows = texts(&[("x", numbers), ("y", labels)]);
        let raw = intake.batches(&rows).unwrap().next().unwrap().unwrap();
        let judged = intake.clone().bind_to(&rows).unwrap().apply(&raw).unwrap();
        judged.codes(judged.schema().index("y").unwrap()).unwrap().values().to_vec()
    };
    assert_eq!(codes(["no", "yes"], vec!["YES", "No", "1", "false", "maybe", "ja"]), [1, 0, 1, 0, 2, 2]);
    assert_eq!(codes(["0", "1"], vec!["True", "False", "1.0", "2"]), [1, 0, 1, 2]);
    assert_eq!(codes(["nein", "ja"], vec!["JA", "n", "falsch", "si"]), [1, 0, 0, 2]);
    assert_eq!(codes(["cat", "dog"], vec!["Cat", "yes"]), [2, 2]);
}
