//! Copies never judge: tables whose rows repeat, from the file to the folds.

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use tidemill_core::recipe::{Copies, Folds, Recipe, Split, SplitKind};
use tidemill_core::{Context, Role, Table};
use tidemill_data::split::{self, Blocks, Fold, Parts};
use tidemill_data::{Ingest, ReadOptions};
use tidemill_kernel::Random;

fn here(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/copies").join(name).display().to_string()
}

fn recipe(target: &str) -> Recipe {
    let mut recipe = Recipe::default();
    recipe.data.target = Some(target.into());
    recipe
}

struct Divided {
    table: Table,
    blocks: Blocks,
    parts: Parts,
    folds: Vec<Fold>,
    warnings: Vec<String>,
}

fn divided(source: &str, recipe: &Recipe) -> Divided {
    let context = Context::default();
    let source = tidemill_data::open(source, &ReadOptions::default()).unwrap();
    let plan = tidemill_data::infer(&*source, recipe, &context).unwrap();
    let (_, table) = Ingest::fit(&*source, plan, &context).unwrap();
    let (table, blocks) = split::mark(table, &recipe.split, &context).unwrap();
    let parts = split::test_split(&table, &recipe.split, &context).unwrap();
    let folds = split::folds(&table, &parts.train, &Folds::default(), &recipe.split, &context).unwrap();
    let warnings = context.warnings().into_iter().map(|w| w.code).collect();
    Divided { table, blocks, parts, folds, warnings }
}

fn written(rows: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    file.write_all(rows.as_bytes()).unwrap();
    file
}

/// What the cells of one column say, row by row.
fn column(table: &Table, name: &str) -> Vec<String> {
    let at = table.batch().schema().index(name).unwrap();
    let array = table.batch().column(at);
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        let names = dictionary.values().as_string::<i32>();
        return dictionary.normalized_keys().iter().map(|&key| names.value(key).to_string()).collect();
    }
    match array.as_string_opt::<i32>() {
        Some(texts) => texts.iter().map(|text| text.unwrap_or_default().to_string()).collect(),
        None => (0..array.len()).map(|row| format!("{:?}", array.slice(row, 1))).collect(),
    }
}

/// No value of `names` is on both sides of the test split or of a fold.
fn apart(names: &[String], divided: &Divided) {
    let of = |rows: &[u32]| rows.iter().map(|&row| &names[row as usize]).collect::<BTreeSet<_>>();
    assert!(of(&divided.parts.train).is_disjoint(&of(&divided.parts.test)));
    for fold in &divided.folds {
        assert!(of(&fold.train).is_disjoint(&of(&fold.valid)));
        assert!(!fold.valid.is_empty());
    }
    assert!(divided.parts.copied.is_empty());
}

/// The share of `class` among these rows.
fn share(classes: &[String], class: &str, rows: &[u32]) -> f64 {
    rows.iter().filter(|&&row| classes[row as usize] == class).count() as f64 / rows.len() as f64
}

#[test]
fn copies_never_judge_near_equal_texts() {
    let divided = divided(&here("neardup.csv"), &recipe("y"));
    let stems: Vec<String> = column(&divided.table, "text")
        .iter()
        .map(|t| t.split(" sent ").next().unwrap().to_string())
        .collect();
    assert_eq!(stems.iter().collect::<BTreeSet<_>>().len(), 30);
    apart(&stems, &divided);
    assert_eq!(divided.blocks.equal + divided.blocks.near, 270);
    assert!(divided.parts.why.contains("in 30 blocks"), "{}", divided.parts.why);
    assert!(divided.warnings.contains(&"split_few_blocks".to_string()), "6 texts do not tell");
}

#[test]
fn copies_never_judge_rows_of_one_patient() {
    let divided = divided(&here("group.csv"), &recipe("y"));
    assert_eq!(divided.table.batch().schema().column("patient_id").unwrap().role, Role::Group);
    apart(&column(&divided.table, "patient_id"), &divided);
    assert!(divided.parts.why.contains("rows of one 'patient_id' together"), "{}", divided.parts.why);
}

#[test]
fn copies_never_judge_rows_that_were_asked_for_again() {
    let mut with_key = recipe("paid");
    with_key.data.key = Some("ref".into());
    let own = divided(&here("rep.csv"), &with_key);
    apart(&column(&own.table, "ref"), &own);
    assert_eq!(own.blocks.keyed, Some(("ref".into(), 720)));
    assert_eq!(own.blocks.equal, 720);
    // The same by content alone.
    let mut ignored = recipe("paid");
    ignored.data.ignore = vec!["ref".into()];
    let divided = divided(&here("rep.csv"), &ignored);
    apart(&column(&divided.table, "income"), &divided);
    assert_eq!((divided.blocks.equal, divided.parts.test.len()), (720, 192));
    let paid = column(&divided.table, "paid");
    let all: Vec<u32> = (0..960).collect();
    for part in divided.folds.iter().map(|f| &f.valid).chain([&divided.parts.test]) {
        assert!((share(&paid, "yes", part) - share(&paid, "yes", &all)).abs() < 0.04);
    }
}

#[test]
fn copies_that_are_ignored_are_divided_as_any_rows() {
    let mut ignoring = recipe("paid");
    ignoring.data.ignore = vec!["ref".into()];
    ignoring.split = Split { copies: Copies::Ignore, ..Split::default() };
    let divided = divided(&here("rep.csv"), &ignoring);
    assert_eq!(divided.blocks, Blocks::default());
    assert!(divided.table.batch().schema().role(Role::Block).is_none());
    let incomes = column(&divided.table, "income");
    let learned: BTreeSet<&String> = divided.parts.train.iter().map(|&r| &incomes[r as usize]).collect();
    assert!(divided.parts.test.iter().filter(|&&r| learned.contains(&incomes[r as usize])).count() > 150);
    let mut ignoring = recipe("y");
    ignoring.split.copies = Copies::Ignore;
    let source = tidemill_data::open(&here("group.csv"), &ReadOptions::default()).unwrap();
    let plan = tidemill_data::infer(&*source, &ignoring, &Context::default()).unwrap();
    assert!(plan.role(Role::Group).is_none());
}

/// Visits of people: `decimals` of noise around what the person is like, the target by person.
fn visits(names: impl Fn(usize) -> String, header: &str, n: usize, visits: usize) -> String {
    let mut random = Random::new(21, 0);
    let mut rows = format!("{header},pulse,pressure,y\n");
    for person in 0..n {
        let (pulse, pressure, sick) =
            (60.0 + 20.0 * random.unit(), 100.0 + 40.0 * random.unit(), random.below(2));
        for _ in 0..visits {
            let noise = random.normal();
            rows += &format!(
                "{},{:.1},{:.1},{}\n",
                names(person),
                pulse + noise,
                pressure + noise,
                ["well", "sick"][sick]
            );
        }
    }
    rows
}

#[test]
fn names_that_share_their_target_become_the_group() {
    let cases: [(&str, String); 4] = [
        ("customer_id", visits(|i| format!("{}", 100_000 + i * 17), "customer_id", 80, 5)),
        ("subject", visits(|i| format!("{i}"), "subject", 25, 12)),
        ("device", visits(|i| format!("dev-{i:03}"), "device", 40, 6)),
        ("user_id", visits(|i| format!("user{i}"), "user_id", 120, 3)),
    ];
    for (name, rows) in cases {
        let file = written(&rows);
        let divided = divided(&file.path().display().to_string(), &recipe("y"));
        assert_eq!(divided.table.batch().schema().column(name).unwrap().role, Role::Group, "{name}");
        apart(&column(&divided.table, name), &divided);
        let sick = column(&divided.table, "y");
        let all: Vec<u32> = (0..sick.len() as u32).collect();
        let off = share(&sick, "sick", &divided.parts.test) - share(&sick, "sick", &all);
        assert!(off.abs() < 0.1, "{name}: {off}");
    }
}

#[test]
fn names_that_do_not_share_their_target_are_no_group() {
    // The outcome is the visit's, not the person's; a city is no name of a row.
    let mut random = Random::new(22, 0);
    let mut rows = "customer_id,city,x,y\n".to_string();
    for i in 0..600 {
        let (who, city) = (random.below(90), random.below(12));
        rows += &format!(
            "{},{},{:.3},{}\n",
            1000 + who,
            ["Rome", "Oslo", "Bern"][city % 3],
            random.normal(),
            ["no", "yes"][i * 7 % 2]
        );
    }
    let file = written(&rows);
    let divided = divided(&file.path().display().to_string(), &recipe("y"));
    assert!(divided.table.batch().schema().role(Role::Group).is_none());
    assert!(divided.blocks.why.is_none(), "{:?}", divided.blocks);
}

#[test]
fn copies_never_judge_in_time_either() {
    // Readings that were sent again days later: the later ones judge, so the earlier ones do not teach.
    let mut random = Random::new(23, 0);
    let values: Vec<(f64, f64)> = (0..150).map(|_| (random.normal(), random.normal())).collect();
    let mut rows = "day,a,b,y\n".to_string();
    for i in 0..300 {
        let (a, b) = values[i % 150];
        rows +=
            &format!("2024-{:02}-{:02},{a:.5},{b:.5},{}\n", 1 + i / 28, 1 + i % 28, u8::from(a + b > 0.0));
    }
    let file = written(&rows);
    let mut by_time = recipe("y");
    by_time.data.time = Some("day".into());
    let divided = divided(&file.path().display().to_string(), &by_time);
    apart(&column(&divided.table, "a"), &divided);
    assert!(divided.parts.why.contains("left out of training"), "{}", divided.parts.why);
    assert_eq!(divided.parts.test.len(), 60);
}

#[test]
fn known_keys_stay_in_time_and_new_ones_are_named() {
    let mut rows = "customer,day,x,y\n".to_string();
    let mut random = Random::new(24, 0);
    for i in 0..400 {
        let who = if i < 320 { random.below(40) } else { random.below(60) };
        rows += &format!(
            "c{who},2024-{:02}-{:02},{:.3},{:.3}\n",
            1 + i / 40,
            1 + i % 28,
            random.normal(),
            random.normal()
        );
    }
    let file = written(&rows);
    let mut by_time = recipe("y");
    by_time.data.time = Some("day".into());
    by_time.data.group = Some("customer".into());
    let divided = divided(&file.path().display().to_string(), &by_time);
    let names = column(&divided.table, "customer");
    let learned: BTreeSet<&String> = divided.parts.train.iter().map(|&r| &names[r as usize]).collect();
    let new: Vec<u32> =
        divided.parts.test.iter().copied().filter(|&r| !learned.contains(&names[r as usize])).collect();
    assert!(!new.is_empty() && new.len() < divided.parts.test.len());
    assert_eq!(divided.parts.unseen, new);
}

#[test]
fn a_given_split_moves_nothing_and_says_so() {
    let mut random = Random::new(25, 0);
    let values: Vec<f64> = (0..200).map(|_| random.normal()).collect();
    let mut rows = "part,a,b,y\n".to_string();
    for i in 0..240 {
        let x = values[i % 200];
        rows += &format!(
            "{},{x:.6},{:.6},{:.3}\n",
            if i < 200 { "train" } else { "test" },
            x * x,
            x + random.normal()
        );
    }
    let file = written(&rows);
    let mut given = recipe("y");
    given.split = Split { kind: Some(SplitKind::Given), column: Some("part".into()), ..Split::default() };
    let divided = divided(&file.path().display().to_string(), &given);
    assert_eq!(divided.parts.test, (200..240).collect::<Vec<u32>>());
    assert_eq!(divided.parts.copied, divided.parts.test);
    assert!(divided.warnings.contains(&"split_copies_judge".to_string()));
}

#[test]
fn rows_to_compare_on_are_new_and_counted_once() {
    let mut ignored = recipe("paid");
    ignored.data.ignore = vec!["ref".into()];
    let table = divided(&here("rep.csv"), &ignored).table;
    let incomes = column(&table, "income");
    let (learned, judged): (Vec<u32>, Vec<u32>) = (0..960).partition(|row| *row < 300);
    let left = split::unlike(table.batch(), &learned, &judged).unwrap();
    let of = |rows: &[u32]| rows.iter().map(|&r| incomes[r as usize].clone()).collect::<BTreeSet<_>>();
    assert!(of(&left).is_disjoint(&of(&learned)));
    assert_eq!(of(&left).len(), left.len());
    assert_eq!(of(&left).union(&of(&learned)).count(), 240);
    // The same of a part of the table, whose blocks keep their numbers.
    let part = table.batch().take(&(500..960).collect::<Vec<u32>>()).unwrap();
    let of_part = split::unlike(&part, &[], &(0..460).collect::<Vec<u32>>()).unwrap();
    assert_eq!(of_part.len(), incomes[500..].iter().collect::<BTreeSet<_>>().len());
}

#[test]
fn copies_that_tie_all_groups_together_are_named_as_the_reason() {
    let mut random = Random::new(26, 0);
    let mut rows: Vec<String> = (0..120)
        .flat_map(|_| {
            let row = format!("{:.4},{:.4},{}", random.normal(), random.normal(), random.below(2));
            let sites: Vec<usize> = (0..3).map(|_| random.below(30)).collect();
            sites.into_iter().map(move |site| format!("s{site},{row}\n"))
        })
        .collect();
    random.shuffle(&mut rows);
    let file = written(&format!("site,a,b,y\n{}", rows.concat()));
    let mut by_site = recipe("y");
    by_site.data.group = Some("site".into());
    let path = file.path().display().to_string();
    let source = tidemill_data::open(&path, &ReadOptions::default()).unwrap();
    let plan = tidemill_data::infer(&*source, &by_site, &Context::default()).unwrap();
    let (_, table) = Ingest::fit(&*source, plan, &Context::default()).unwrap();
    let (table, _) = split::mark(table, &by_site.split, &Context::default()).unwrap();
    let error = split::test_split(&table, &by_site.split, &Context::default()).unwrap_err();
    assert!(error.to_string().contains("copies of rows stand in so many 'site'"), "{error}");
    assert!(error.remedy().unwrap().contains("split.copies = \"ignore\""), "{error}");
}
