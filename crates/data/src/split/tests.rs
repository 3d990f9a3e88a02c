use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt32Array};
use proptest::prelude::*;
use tidemill_core::{Axis, Categories, Column, Layout, Schema};

use super::*;

fn table(columns: Vec<(Column, ArrayRef)>) -> Table {
    let (columns, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

fn numbers(values: impl IntoIterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn context(seed: u64) -> Context {
    Context::new(seed, 1, Arc::default())
}

fn kind(kind: SplitKind, test: f64) -> Split {
    Split { kind: Some(kind), test, ..Split::default() }
}

fn code(result: Result<Parts>) -> (&'static str, String) {
    let e = result.unwrap_err();
    (e.code(), e.to_string())
}

/// A table of `n` rows: classes `y`, groups `g`, times `t` with ties, keys `k`.
fn mixed(classes: &[u32], groups: &[u32], times: &[u32]) -> Table {
    let n = classes.len();
    let names = Categories::new(["a", "b", "c", "d"]);
    let codes = names.column(UInt32Array::from_iter_values(classes.iter().copied())).unwrap();
    table(vec![
        (Column::number("g").with_role(Role::Group), numbers(groups.iter().map(|&g| f64::from(g)))),
        (Column::number("t").with_role(Role::Time), numbers(times.iter().map(|&t| f64::from(t) - 3.0))),
        (Column::number("k").with_role(Role::Key), numbers((0..n).map(|i| i as f64))),
        (Column::category("y", names).with_role(Role::Target), codes),
    ])
}

fn mixed_tables() -> impl Strategy<Value = Table> {
    proptest::collection::vec((0u32..4, 0u32..9, 0u32..30), 12..200).prop_map(|rows| {
        let (classes, rest): (Vec<_>, Vec<_>) = rows.into_iter().map(|(c, g, t)| (c, (g, t))).unzip();
        let (groups, times): (Vec<_>, Vec<_>) = rest.into_iter().unzip();
        mixed(&classes, &groups, &times)
    })
}

fn counts(table: &Table, rows: &[u32]) -> BTreeMap<u32, usize> {
    let mut counts = BTreeMap::new();
    for &row in rows {
        *counts.entry(table.batch().codes(3).unwrap().value(row as usize)).or_default() += 1;
    }
    counts
}

fn value(table: &Table, column: usize, row: u32) -> f64 {
    table.batch().numbers(column).unwrap().value(row as usize)
}

const KINDS: [SplitKind; 6] = [
    SplitKind::Random,
    SplitKind::Stratified,
    SplitKind::Group,
    SplitKind::StratifiedGroup,
    SplitKind::Time,
    SplitKind::Hash,
];

proptest! {
    #[test]
    fn parts_are_disjoint_cover_and_repeat(table in mixed_tables(), seed in 0u64..5, share in 0.1f64..0.6) {
        let n = table.batch().n_rows() as u32;
        for how in KINDS {
            let made = test_split(&table, &kind(how, share), &context(seed));
            let Ok(parts) = made else { continue }; // a single group, a single time, a small hash part
            let mut all = [parts.train.clone(), parts.test.clone()].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
            prop_assert!(!parts.train.is_empty() && !parts.test.is_empty());
            prop_assert_eq!(&parts, &test_split(&table, &kind(how, share), &context(seed)).unwrap());
            let off = (parts.test.len() as f64 - share * f64::from(n)).abs();
            if how == SplitKind::Random {
                prop_assert!(off <= 0.5 + 1e-9, "{} rows off", off);
            }
            if how == SplitKind::Stratified {
                let (all, test) = (counts(&table, &(0..n).collect::<Vec<_>>()), counts(&table, &parts.test));
                for (class, &count) in &all {
                    let found = test.get(class).copied().unwrap_or(0) as f64;
                    prop_assert!((found - share * count as f64).abs() < 1.0 + 1e-9);
                }
            }
            if matches!(how, SplitKind::Group | SplitKind::StratifiedGroup) {
                let group = |rows: &[u32]| rows.iter().map(|&r| value(&table, 0, r) as u32).collect::<Vec<_>>();
                prop_assert!(group(&parts.test).iter().all(|g| !group(&parts.train).contains(g)));
            }
            if how == SplitKind::Time {
                let latest = parts.train.iter().map(|&r| value(&table, 1, r)).fold(f64::MIN, f64::max);
                prop_assert!(parts.test.iter().all(|&r| value(&table, 1, r) > latest));
            }
        }
    }

    #[test]
    fn folds_are_disjoint_and_never_look_back(table in mixed_tables(), seed in 0u64..5, n in 2usize..6) {
        let rows: Vec<u32> = (0..table.batch().n_rows() as u32).filter(|r| r % 7 != 3).collect();
        for how in KINDS {
            let wanted = Folds { kind: Some(how), n: Some(n), repeats: None };
            let made = folds(&table, &rows, &wanted, &Split::default(), &context(seed));
            let Ok(made) = made else { continue };
            prop_assert_eq!(&made, &folds(&table, &rows, &wanted, &Split::default(), &context(seed)).unwrap());
            let mut valid: Vec<u32> = made.iter().flat_map(|f| f.valid.clone()).collect();
            valid.sort_unstable();
            prop_assert!(valid.windows(2).all(|w| w[0] < w[1]), "a row is judged twice");
            prop_assert!(valid.iter().all(|r| rows.contains(r)));
            for fold in &made {
                prop_assert!(!fold.train.is_empty() && !fold.valid.is_empty());
                prop_assert!(fold.train.iter().all(|r| fold.valid.binary_search(r).is_err()));
            }
            if how == SplitKind::Time {
                for fold in &made {
                    let latest = fold.train.iter().map(|&r| value(&table, 1, r)).fold(f64::MIN, f64::max);
                    prop_assert!(fold.valid.iter().all(|&r| value(&table, 1, r) > latest));
                }
            } else {
                prop_assert_eq!(&valid, &rows);
            }
            if matches!(how, SplitKind::Random | SplitKind::Stratified) {
                let sizes: Vec<usize> = made.iter().map(|f| f.valid.len()).collect();
                prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
            }
            if matches!(how, SplitKind::Group | SplitKind::StratifiedGroup) {
                for fold in &made {
                    let inside: Vec<f64> = fold.valid.iter().map(|&r| value(&table, 0, r)).collect();
                    prop_assert!(fold.train.iter().all(|&r| !inside.contains(&value(&table, 0, r))));
                }
            }
        }
    }
}

#[test]
fn the_kind_follows_the_roles() {
    let target = |role: Role| (Column::number("y").with_role(role), numbers((0..20).map(f64::from)));
    let other =
        |role: Role| (Column::number("x").with_role(role), numbers((0..20).map(|i| f64::from(i % 5))));
    for (roles, wanted) in [
        (
            (Role::Target, Role::Time),
            "by time, the latest rows by 'x' to test on: 16 rows to train on, 4 to test on (20%)",
        ),
        (
            (Role::Target, Role::Group),
            "by chance, rows of one 'x' together, the target's classes as nearly in proportion as that allows: 16 rows to \
             train on, 4 to test on (20%)",
        ),
        (
            (Role::Target, Role::Feature),
            "by chance, each tenth of 'y' in proportion: 16 rows to train on, 4 to test on (20%)",
        ),
        ((Role::Feature, Role::Feature), "by chance: 16 rows to train on, 4 to test on (20%)"),
    ] {
        let table = table(vec![target(roles.0), other(roles.1)]);
        assert_eq!(test_split(&table, &Split::default(), &context(0)).unwrap().why, wanted);
    }
}

#[test]
fn another_seed_gives_other_parts() {
    let table = table(vec![(Column::number("x"), numbers((0..100).map(f64::from)))]);
    let test = |seed: u64| test_split(&table, &Split::default(), &context(seed)).unwrap().test;
    assert_ne!(test(1), test(2));
}

#[test]
fn a_class_of_one_row_is_trained_on_with_a_warning() {
    let table = mixed(&[0, 0, 0, 0, 0, 1, 1, 1, 1, 2], &[0; 10], &[0; 10]);
    let context = context(3);
    let parts = test_split(&table, &kind(SplitKind::Stratified, 0.5), &context).unwrap();
    assert!(parts.train.contains(&9));
    assert!(context.warnings().iter().any(|w| w.code == "split_single_row_class"));
    let wanted = Folds { kind: Some(SplitKind::Stratified), n: Some(3), repeats: None };
    folds(&table, &(0..10).collect::<Vec<_>>(), &wanted, &Split::default(), &context).unwrap();
    assert!(context.warnings().iter().any(|w| w.code == "folds_small_class"));
}

#[test]
fn a_given_column_decides() {
    let marks = ["train", "TEST ", "valid", "train"];
    let given =
        Split { kind: Some(SplitKind::Given), test: 0.2, column: Some("part".into()), ..Split::default() };
    let of = |marks: &[&str]| table(vec![(Column::new("part", Kind::Text), texts(marks))]);
    assert_eq!(test_split(&of(&marks), &given, &context(0)).unwrap().test, [1]);
    let (found, message) = code(test_split(&of(&["train", "yes", "no"]), &given, &context(0)));
    assert_eq!((found, &*message), ("split", "'part' should say train or test, it says 'yes', 'no'"));
    assert_eq!(
        code(test_split(&of(&["train", "test", ""]), &given, &context(0))).1,
        "'part' says nothing in 1 rows"
    );
    assert_eq!(code(test_split(&of(&["train", "train"]), &given, &context(0))).0, "split");
    let nameless = Split { column: None, ..given.clone() };
    assert_eq!(code(test_split(&of(&marks), &nameless, &context(0))).0, "parameter");
    let wrong = Split { column: Some("prat".into()), ..given };
    assert_eq!(code(test_split(&of(&marks), &wrong, &context(0))).0, "missing_column");
}

#[test]
fn a_hash_keeps_rows_in_their_part() {
    // The first 8 bytes of SHA-256, big-endian over 2^64, from Python's hashlib: "1" .4200, "2" .8299, "3" .3048,
    // "4" .2935, "5" .9343, "6" .9061, "7" .4727, "8" .1734.
    let of =
        |n: u32| table(vec![(Column::number("id").with_role(Role::Key), numbers((1..=n).map(f64::from)))]);
    let hash = kind(SplitKind::Hash, 0.3);
    assert_eq!(test_split(&of(8), &hash, &context(0)).unwrap().test, [3, 7]);
    assert_eq!(test_split(&of(6), &hash, &context(9)).unwrap().test, [3]);
    assert_eq!(code(test_split(&of(3), &hash, &context(0))).0, "split");
    let keyless = table(vec![(Column::number("id"), numbers([1.0, 2.0]))]);
    assert_eq!(code(test_split(&keyless, &hash, &context(0))).0, "parameter");
}

#[test]
fn times_must_be_there_and_differ() {
    let of = |times: Vec<Option<f64>>| {
        table(vec![(
            Column::number("year").with_role(Role::Time),
            Arc::new(Float64Array::from(times)) as ArrayRef,
        )])
    };
    let (found, message) = code(test_split(&of(vec![Some(1.0), None, None]), &Split::default(), &context(0)));
    assert_eq!(found, "split");
    assert_eq!(message, "'year' is missing in 2 of 3 rows, so they have no place in time");
    assert_eq!(code(test_split(&of(vec![Some(1.0); 9]), &Split::default(), &context(0))).0, "split");
    // Negative and positive times order as numbers do; the tie at the boundary is not divided.
    let years = of([5.0, -2.0, 5.0, -1.0, 0.0, 5.0].map(Some).to_vec());
    assert_eq!(test_split(&years, &Split::default(), &context(0)).unwrap().test, [0, 2, 5]);
}

#[test]
fn what_cannot_be_divided() {
    let one = table(vec![(Column::number("x"), numbers([1.0]))]);
    assert_eq!(code(test_split(&one, &Split::default(), &context(0))).0, "split");
    let none = table(vec![(Column::number("x"), numbers([]))]);
    assert_eq!(code(test_split(&none, &Split::default(), &context(0))).0, "split");
    let ten = table(vec![(Column::number("g").with_role(Role::Group), numbers([1.0; 10]))]);
    assert_eq!(code(test_split(&ten, &Split::default(), &context(0))).0, "split");
    for share in [0.0, 1.0, f64::NAN] {
        assert_eq!(
            code(test_split(&ten, &Split { test: share, ..Split::default() }, &context(0))).0,
            "parameter"
        );
    }
    let few = |n: usize| {
        folds(&one, &[0], &Folds { kind: None, n: Some(n), repeats: None }, &Split::default(), &context(0))
            .unwrap_err()
    };
    assert_eq!((few(1).code(), few(2).code()), ("parameter", "split"));
}

proptest! {
    #[test]
    fn the_gap_is_kept(table in mixed_tables(), gap in 0u32..6, n in 2usize..5) {
        let split = Split { kind: Some(SplitKind::Time), gap: Some(gap.to_string()), ..Split::default() };
        let rows: Vec<u32> = (0..table.batch().n_rows() as u32).collect();
        let times = |rows: &[u32]| rows.iter().map(|&r| value(&table, 1, r)).collect::<Vec<_>>();
        let far = |train: &[u32], judged: &[u32]| {
            let first = times(judged).into_iter().fold(f64::MAX, f64::min);
            let last = times(train).into_iter().fold(f64::MIN, f64::max);
            (first - last, first)
        };
        if let Ok(parts) = test_split(&table, &split, &context(0)) {
            let (apart, first) = far(&parts.train, &parts.test);
            prop_assert!(apart >= f64::from(gap));
            // Nothing else is left out.
            let early = rows.iter().filter(|&&r| first - value(&table, 1, r) >= f64::from(gap.max(1))).count();
            prop_assert_eq!(parts.train.len(), early);
        }
        let wanted = Folds { kind: None, n: Some(n), repeats: None };
        if let Ok(made) = folds(&table, &rows, &wanted, &split, &context(0)) {
            prop_assert!(made.iter().all(|f| far(&f.train, &f.valid).0 >= f64::from(gap)));
        }
    }

    #[test]
    fn repeats_are_whole_divisions_by_another_chance(table in mixed_tables(), seed in 0u64..5) {
        let rows: Vec<u32> = (0..table.batch().n_rows() as u32).collect();
        for how in [SplitKind::Random, SplitKind::Stratified, SplitKind::Group, SplitKind::StratifiedGroup] {
            let of = |repeats| Folds { kind: Some(how), n: Some(3), repeats: Some(repeats) };
            let Ok(once) = folds(&table, &rows, &of(1), &Split::default(), &context(seed)) else { continue };
            let thrice = folds(&table, &rows, &of(3), &Split::default(), &context(seed)).unwrap();
            prop_assert_eq!(&once[..], &thrice[..once.len()]);
            prop_assert_eq!(thrice.len(), 3 * once.len());
            for division in thrice.chunks(once.len()) {
                let mut valid: Vec<u32> = division.iter().flat_map(|f| f.valid.clone()).collect();
                valid.sort_unstable();
                prop_assert_eq!(&valid, &rows);
            }
        }
    }

    #[test]
    fn outer_folds_judge_every_row_once_and_never_train_on_it(table in mixed_tables(), n in 2usize..5) {
        for how in [SplitKind::Stratified, SplitKind::Group, SplitKind::StratifiedGroup] {
            let made = outer(&table, &Split { kind: Some(how), ..Split::default() }, n, &context(1));
            let Ok((parts, folds)) = made else { continue };
            let mut judged: Vec<u32> = folds.iter().flat_map(|f| f.valid.clone()).collect();
            judged.sort_unstable();
            prop_assert_eq!(&judged, &parts.test);
            prop_assert_eq!(&judged, &parts.train);
            prop_assert!(folds.iter().all(|f| f.train.iter().all(|r| f.valid.binary_search(r).is_err())));
        }
    }
}

#[test]
fn stratified_groups_are_more_even_than_groups() {
    // 60 groups of 5 rows, each of one class; one group in six is of the rare class.
    let groups: Vec<u32> = (0..300).map(|i| i / 5).collect();
    let classes: Vec<u32> = groups.iter().map(|g| u32::from(g % 6 == 0)).collect();
    let table = mixed(&classes, &groups, &[0; 300]);
    let rows: Vec<u32> = (0..300).collect();
    let rare = |how: SplitKind| -> Vec<usize> {
        let wanted = Folds { kind: Some(how), n: Some(5), repeats: None };
        let made = folds(&table, &rows, &wanted, &Split::default(), &context(4)).unwrap();
        made.iter().map(|f| counts(&table, &f.valid).get(&1).copied().unwrap_or(0)).collect()
    };
    assert_eq!(rare(SplitKind::StratifiedGroup), [10; 5]);
    assert_ne!(rare(SplitKind::Group), [10; 5], "the case shows nothing");
    let parts = test_split(&table, &kind(SplitKind::StratifiedGroup, 0.2), &context(4)).unwrap();
    assert_eq!((parts.test.len(), counts(&table, &parts.test)[&1]), (60, 10));
}

#[test]
fn gaps_and_repeats_that_make_no_sense_are_refused() {
    let table = mixed(&[0; 40], &(0..40).map(|i| i % 8).collect::<Vec<_>>(), &(0..40).collect::<Vec<_>>());
    let rows: Vec<u32> = (0..40).collect();
    let gap =
        |kind: SplitKind, gap: &str| Split { kind: Some(kind), gap: Some(gap.into()), ..Split::default() };
    let (found, message) = code(test_split(&table, &gap(SplitKind::Random, "3"), &context(0)));
    assert!(found == "parameter" && message.contains("split.gap"), "{message}");
    assert_eq!(code(test_split(&table, &gap(SplitKind::Time, "7d"), &context(0))).0, "parameter");
    assert_eq!(code(test_split(&table, &gap(SplitKind::Time, "-1"), &context(0))).0, "parameter");
    assert_eq!(code(test_split(&table, &gap(SplitKind::Time, "1000"), &context(0))).0, "split");
    let repeats = |kind, repeats| Folds { kind: Some(kind), n: Some(3), repeats: Some(repeats) };
    for wanted in [repeats(SplitKind::Time, 2), repeats(SplitKind::Hash, 2), repeats(SplitKind::Random, 0)] {
        assert_eq!(
            folds(&table, &rows, &wanted, &Split::default(), &context(0)).unwrap_err().code(),
            "parameter"
        );
    }
    let given = Split { kind: Some(SplitKind::Given), ..Split::default() };
    assert_eq!(outer(&table, &given, 3, &context(0)).unwrap_err().code(), "parameter");
}

/// A table of `n` rows whose rows of equal `blocks` belong together.
fn with_blocks(classes: &[u32], blocks: &[u32]) -> Table {
    let names = Categories::new(["a", "b", "c", "d"]);
    let codes = names.column(UInt32Array::from_iter_values(classes.iter().copied())).unwrap();
    let first = |row: &u32| blocks.iter().position(|block| block == row).unwrap() as f64;
    table(vec![
        (Column::number("x"), numbers((0..classes.len()).map(|i| i as f64))),
        (Column::number("t").with_role(Role::Weight), numbers(classes.iter().map(|_| 1.0))),
        (Column::number(tidemill_core::BLOCK).with_role(Role::Block), numbers(blocks.iter().map(first))),
        (Column::category("y", names).with_role(Role::Target), codes),
    ])
}

proptest! {
    #[test]
    fn blocks_are_never_divided(
        rows in proptest::collection::vec((0u32..4, 0u32..60), 30..200),
        seed in 0u64..5,
        share in 0.1f64..0.5,
    ) {
        let (classes, blocks): (Vec<u32>, Vec<u32>) = rows.into_iter().unzip();
        let table = with_blocks(&classes, &blocks);
        let of = |rows: &[u32]| rows.iter().map(|&r| blocks[r as usize]).collect::<std::collections::BTreeSet<_>>();
        let all: Vec<u32> = (0..classes.len() as u32).collect();
        for how in [SplitKind::Random, SplitKind::Stratified] {
            let parts = test_split(&table, &kind(how, share), &context(seed)).unwrap();
            prop_assert!(of(&parts.train).is_disjoint(&of(&parts.test)));
            prop_assert_eq!([parts.train.clone(), parts.test.clone()].concat().len(), all.len());
            prop_assert_eq!(&parts, &test_split(&table, &kind(how, share), &context(seed)).unwrap());
            let wanted = Folds { kind: Some(how), n: Some(4), repeats: None };
            let made = folds(&table, &all, &wanted, &Split::default(), &context(seed)).unwrap();
            for fold in &made {
                prop_assert!(of(&fold.train).is_disjoint(&of(&fold.valid)));
                prop_assert_eq!(fold.train.len() + fold.valid.len(), all.len());
            }
            let mut judged: Vec<u32> = made.iter().flat_map(|f| f.valid.clone()).collect();
            judged.sort_unstable();
            prop_assert_eq!(&judged, &all);
        }
    }
}

#[test]
fn blocks_leave_shares_and_sizes_as_they_should_be() {
    // A quarter of the rows stand alone; the others come in blocks of 2 to 7; a tenth of the blocks are of the rare class.
    let mut random = Random::new(8, 0);
    let (mut classes, mut blocks, mut block) = (Vec::new(), Vec::new(), 0);
    while classes.len() < 2000 {
        let size = if random.unit() < 0.5 { 1 } else { 2 + random.below(6) };
        let class = u32::from(random.unit() < 0.1);
        block += 1;
        (0..size).for_each(|_| {
            classes.push(class);
            blocks.push(block);
        });
    }
    let table = with_blocks(&classes, &blocks);
    let all: Vec<u32> = (0..classes.len() as u32).collect();
    let rare = |rows: &[u32]| counts(&table, rows).get(&1).copied().unwrap_or(0) as f64;
    let n = all.len() as f64;
    let parts = test_split(&table, &kind(SplitKind::Stratified, 0.2), &context(1)).unwrap();
    assert!((parts.test.len() as f64 - 0.2 * n).abs() <= 2.0, "{}", parts.test.len());
    assert!((rare(&parts.test) - 0.2 * rare(&all)).abs() <= 3.0);
    let wanted = Folds { kind: Some(SplitKind::Stratified), n: Some(5), repeats: None };
    for fold in folds(&table, &all, &wanted, &Split::default(), &context(1)).unwrap() {
        assert!((fold.valid.len() as f64 - n / 5.0).abs() <= 3.0, "{}", fold.valid.len());
        assert!((rare(&fold.valid) - rare(&all) / 5.0).abs() <= 2.0);
    }
}

/// Rows of a grid in a plane, one of them without a place.
fn grid() -> Table {
    let axis = |axis| Layout::Coordinate { axis, degrees: false };
    let at = |i: usize| if i == 7 { f64::NAN } else { (i % 20) as f64 };
    table(vec![
        (Column::number("x").with_layout(axis(Axis::X)), numbers((0..400).map(at))),
        (Column::number("y").with_layout(axis(Axis::Y)), numbers((0..400).map(|i| (i / 20) as f64))),
    ])
}

#[test]
fn by_place_nothing_near_a_judged_row_is_learned_from() {
    let table = grid();
    let place = |row: u32| [value(&table, 0, row), value(&table, 1, row)];
    let far = |a: u32, b: u32| {
        let ([x, y], [v, w]) = (place(a), place(b));
        (x - v).hypot(y - w)
    };
    let split = Split { buffer: Some(2.5), ..kind(SplitKind::Spatial, 0.2) };
    let parts = test_split(&table, &split, &context(3)).unwrap();
    assert!((60..=100).contains(&parts.test.len()), "{}", parts.test.len());
    let all: Vec<u32> = (0..400).collect();
    let made = folds(&table, &all, &Folds::default(), &split, &context(3)).unwrap();
    let divided = made.iter().map(|f| (&f.train, &f.valid)).chain([(&parts.train, &parts.test)]);
    for (learned, judged) in divided {
        assert!(!learned.is_empty());
        for (&a, &b) in learned.iter().flat_map(|a| judged.iter().map(move |b| (a, b))) {
            // The row without a place is far from none.
            assert!(a != b && (far(a, b).is_nan() || far(a, b) > 2.5), "{a} {b}");
        }
    }
    let mut judged: Vec<u32> = made.iter().flat_map(|f| f.valid.clone()).collect();
    judged.sort_unstable();
    assert_eq!(judged, all);
    // Neighbours lie in one block: most of those of a judged row are judged with it.
    let beside = |a: u32, rows: &[u32]| rows.iter().filter(|&&b| far(a, b) == 1.0).count();
    let together: usize = parts.test.iter().map(|&row| beside(row, &parts.test)).sum();
    assert!(together > 2 * parts.test.len(), "{together}");
    assert_eq!(parts, test_split(&table, &split, &context(3)).unwrap());
}

#[test]
fn by_place_needs_places_that_differ() {
    let (_, told) =
        code(test_split(&mixed(&[0, 1], &[0, 1], &[0, 1]), &kind(SplitKind::Spatial, 0.5), &context(1)));
    assert!(told.contains("data.point"), "{told}");
    let layout = |axis| Layout::Coordinate { axis, degrees: true };
    let one = table(vec![
        (Column::number("lon").with_layout(layout(Axis::X)), numbers([13.4; 30])),
        (Column::number("lat").with_layout(layout(Axis::Y)), numbers([52.5; 30])),
    ]);
    let (_, told) = code(test_split(&one, &kind(SplitKind::Spatial, 0.5), &context(1)));
    assert!(told.contains("all rows are at one place"), "{told}");
    let belt = Split { buffer: Some(1.0), ..kind(SplitKind::Random, 0.2) };
    assert!(code(test_split(&grid(), &belt, &context(1))).1.contains("split.buffer"));
    let wrong = Split { buffer: Some(-1.0), ..kind(SplitKind::Spatial, 0.2) };
    assert!(code(test_split(&grid(), &wrong, &context(1))).1.contains("from 0 up"));
}
