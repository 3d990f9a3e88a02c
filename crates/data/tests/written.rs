//! Values as people write them, each read as a person would.

use tidemill_core::recipe::{ColumnSpec, Recipe, Task};
use tidemill_core::{Context, Kind, Role, Source};
use tidemill_data::source::{BodyFormat, open_body};
use tidemill_data::{Ingest, ReadOptions, Weight, infer};

use crate::reading::{codes, column, numbers, opened, plan_of, text, texts};

#[test]
fn numbers_are_read_as_the_world_writes_them() {
    for (csv, wanted) in [
        ("x;y\n1,5;a\n2,25;b\n1.000,5;c\n", vec![1.5, 2.25, 1000.5]),
        ("x;y\n1.234;0,5\n958;1,5\n12.000;2,5\n", vec![1234.0, 958.0, 12000.0]),
        ("x\ty\n301'212\ta\n7'000.5\tb\n12\tc\n", vec![301212.0, 7000.5, 12.0]),
        ("x,y\n\"1,23,456\",a\n\"12,34,567.5\",b\n900,c\n", vec![123456.0, 1234567.5, 900.0]),
        ("x,y\n1 234,a\n12 345 678,b\n9,c\n", vec![1234.0, 12345678.0, 9.0]),
        ("x,y\n1:02:03,a\n0:30:00,b\n10:00:00,c\n", vec![3723.0, 1800.0, 36000.0]),
        ("x,y\n12.5 kg,a\n3 kg,b\n4 KG,c\n", vec![12.5, 3.0, 4.0]),
        ("x,y\n1.2K,a\n3M,b\n950,c\n", vec![1200.0, 3e6, 950.0]),
        ("x,y\n$1.5bn,a\n$2bn,b\n$0.5bn,c\n", vec![1.5e9, 2e9, 0.5e9]),
        ("x,y\n$1.2M,a\n$950K,b\n$2.5B,c\n$300,d\n", vec![1.2e6, 950e3, 2.5e9, 300.0]),
        ("x,y\n5 stars,a\n1 star,b\n3.5 stars,c\n", vec![5.0, 1.0, 3.5]),
        ("x,y\n2h 30m,a\n45m,b\n1h,c\n", vec![9000.0, 2700.0, 3600.0]),
        ("x,y\n1 days 02:00:00,a\n0 days 00:30:00,b\n-1 days +23:00:00,c\n", vec![93_600.0, 1800.0, -3600.0]),
        ("x;y\n10 000 Kč;a\n950,50 Kč;b\n1 250 Kč;c\n", vec![10_000.0, 950.5, 1250.0]),
        ("x,y\n−5.5,a\n3,b\n−1.25,c\n", vec![-5.5, 3.0, -1.25]),
        ("x,y\n<0.5,a\n1.5,b\n>100,c\n", vec![0.5, 1.5, 100.0]),
        ("x,y\n12,a\n90+,b\n47,c\n", vec![12.0, 90.0, 47.0]),
        // Beside times with hours, those of two parts have none.
        ("x,y\n35:30,a\n1:20:47,b\n58:02,c\n", vec![2130.0, 4847.0, 3482.0]),
        ("x,y\n$5,a\n€7.50,b\n5 USD,c\n", vec![5.0, 7.5, 5.0]),
        ("x;y\n1,234;2,5\n2,345;3,5\n3,456;4,5\n", vec![1.234, 2.345, 3.456]),
    ] {
        assert_eq!(numbers(&*text(csv), "x"), wanted, "{csv:?}");
    }
    let points = numbers(&*opened("points.csv"), "betrag");
    let (least, most) = points.iter().fold((f64::MAX, 0.0_f64), |(a, b), x| (a.min(*x), b.max(*x)));
    assert_eq!((least, most), (100.0, 99835.0));
    assert_eq!(column(&*opened("apostrophes.csv"), "amount").format.to_string(), "thousands_apostrophe");
    let plan = plan_of(&*opened("censored.csv"), Some("y"));
    assert_eq!(plan.column("conc").unwrap().kind, Kind::Number);
    assert!(plan.notes.iter().any(|n| n.code == "censored" && n.message.starts_with("26 of 500")));
}

#[test]
fn what_can_be_read_in_two_ways_is_said() {
    let plan = plan_of(&*opened("dates.csv"), Some("y"));
    assert_eq!(plan.column("d").unwrap().format.to_string(), "day_first");
    assert_eq!(codes(&plan), ["ambiguous_dates"]);
    for (csv, format, code) in [
        ("d,x\n03/04/2024,1.5\n05/06/2024,2.5\n01/02/2023,3.5\n", "month_first", "ambiguous_dates"),
        (
            "d,e\n03/04/2024,25/12/2020\n05/06/2024,26/12/2020\n01/02/2023,1/1/2020\n",
            "day_first",
            "ambiguous_dates",
        ),
        ("d,e\n1.234,a\n958,b\n2.345,c\n", "", "ambiguous_numbers"),
        (
            "d;e\n241.109 €;a\n343 €;b\n3.450 €;c\n1.230 €;d\n",
            "decimal_comma+thousands_point+currency",
            "ambiguous_numbers",
        ),
        (
            "d;e\n1.234 kg;a\n958 kg;b\n2.340 kg;c\n3.345 kg;d\n",
            "decimal_comma+thousands_point+unit:kg",
            "ambiguous_numbers",
        ),
        ("d;e\n7.961%;a\n8.342%;b\n", "percent", "ambiguous_numbers"),
        ("d,e\n\"1,234\",a\n\"9,581\",b\n\"2,345\",c\n", "thousands_comma", "ambiguous_numbers"),
        ("d,e\n45.0%,a\n0.45,b\n12.5%,b\n", "percent", "partly_marked"),
        ("d,e\n45 kg,a\n12 kg,b\n12.5,b\n", "unit:kg", "partly_marked"),
        ("d,e\n98-03-31,a\n98-12-25,b\n99-01-02,b\n", "%y-%m-%d", "ambiguous_dates"),
        ("d,e\n35:30,a\n1:20:47,b\n", "stopwatch", "ambiguous_lengths"),
        ("d,e\n12:30,a\n1:20,b\n", "clock", "ambiguous_lengths"),
        ("d,e\n90+,a\n12,b\n35,b\n", "censored", "censored"),
        ("d,e\n$5,a\n€7.5,b\n$12,b\n", "currency", "mixed_currencies"),
        ("d;e\n1,5;a\n2.5;b\n3,75;c\n4.25;d\n10;e\n", "", "mixed_decimals"),
    ] {
        let plan = plan_of(&*text(csv), None);
        assert_eq!(plan.column("d").unwrap().format.to_string(), format, "{csv:?}");
        assert!(codes(&plan).contains(&code), "{csv:?}: {:?}", plan.notes);
    }
    // Years of two digits in front: by the order of the rows, or by how many values the parts take.
    let in_order = (1..=31).fold(String::from("d,x\n"), |t, d| t + &format!("24/01/{d:02},{d}.5\n"));
    let shuffled = (0..60).fold(String::from("d,x\n"), |t, i| {
        t + &format!("2{}-{:02}-{:02},{i}.5\n", 3 + i % 2, 1 + i * 7 % 12, 1 + i * 11 % 28)
    });
    for (csv, format) in [(in_order, "%y/%m/%d"), (shuffled, "%y-%m-%d")] {
        let plan = plan_of(&*text(&csv), None);
        assert_eq!(plan.column("d").unwrap().format.to_string(), format);
        assert!(codes(&plan).contains(&"ambiguous_dates"));
    }
    let usual = (1..=28).fold(String::from("d,x\n"), |t, d| t + &format!("{d:02}.01.24,{d}.5\n"));
    assert_eq!(plan_of(&*text(&usual), None).column("d").unwrap().format.to_string(), "day_first");
    // Days beyond 12 leave no doubt.
    assert_eq!(codes(&plan_of(&*text("d,x\n25/12/2024,1.5\n05/06/2024,2.5\n"), None)), [""; 0]);
}

/// Impossible dates are faults of a column of dates, which stays one.
#[test]
fn a_few_impossible_dates_make_no_names() {
    for odd in ["2023-02-30", "0000-00-00", "2023-13-01"] {
        let day = |i: usize| match i % 14 {
            5 => odd.to_string(),
            _ => format!("20{:02}-{:02}-{:02}", 10 + i % 13, 1 + i % 12, 1 + i % 28),
        };
        let csv = (0..160).fold(String::from("d,y\n"), |t, i| t + &format!("{},{}\n", day(i), i % 2));
        let found = column(&*text(&csv), "d");
        assert_eq!(found.kind, Kind::Time, "{odd}: {}", found.why);
    }
}

/// A check digit or a footnote behind a few numbers is no unit, and nothing is cut off them.
#[test]
fn what_stands_behind_few_numbers_is_no_unit() {
    let isbn = |i: u64| {
        format!(
            "{}{}",
            100_000_000 + i * 7_654_321,
            if i % 11 == 5 { "X".into() } else { (i % 10).to_string() }
        )
    };
    let csv = (0..160).fold(String::from("isbn,y\n"), |t, i| t + &format!("{},{}\n", isbn(i), i % 2));
    let found = column(&*text(&csv), "isbn");
    assert!(found.kind != Kind::Number, "{}", found.why);
}

#[test]
fn words_that_signs_divide_are_text_and_no_key() {
    let words = ["sea", "sun", "cat", "tea", "fun", "sky", "ink", "oak"];
    for sign in ["#", "|", " + "] {
        let mut csv = String::from("tags;y\n");
        for i in 0..90usize {
            let picked = [i % 8, i / 8 % 8, (i / 64 + 3 * i) % 8, i % 5].map(|at| words[at]);
            csv += &format!("{sign}{};{}\n", picked.join(sign), i % 2);
        }
        let found = column(&*text(&csv), "tags");
        assert_eq!((found.kind, found.role), (Kind::Text, Role::Feature), "{sign}: {}", found.why);
    }
}

#[test]
fn a_column_named_as_the_time_is_read_as_one() {
    for (rows, first) in [
        (["01022024", "15022024", "31122024", "05062025", "17082025"], "%d%m%Y"),
        (
            ["20240131120000", "20240215130000", "20240301140000", "20240402150000", "20240503160000"],
            "%Y%m%d%H%M%S",
        ),
        (["Jan 2018", "Feb 2018", "Mar 2018", "Apr 2018", "May 2018"], "period"),
        (["2019-W02", "2019-W03", "2019-W04", "2019-W05", "2019-W06"], "period"),
        (["2023Q1", "2023Q2", "2023Q3", "2023Q4", "2024Q1"], "quarter"),
    ] {
        let csv = format!(
            "when,y\n{}\n",
            rows.map(|t| format!("{t},{}", t.len() + usize::from(t == rows[0]))).join("\n")
        );
        let mut recipe = Recipe::default();
        (recipe.data.target, recipe.data.time) = (Some("y".into()), Some("when".into()));
        let plan = infer(&*text(&csv), &recipe, &Context::default()).unwrap();
        let found = plan.column("when").unwrap();
        assert_eq!((found.kind, found.format.to_string().as_str()), (Kind::Time, first), "{}", found.why);
    }
}

#[test]
fn only_0_and_1_is_a_number_unless_declared() {
    for csv in ["x,y\n0,1.5\n1,2.5\n1,3.5\n", "gender,y\n0,1.5\n1,2.5\n0,4.5\n", "x,y\n0.0,a\n1.0,b\n,c\n"] {
        let found = plan_of(&*text(csv), None).columns[0].clone();
        assert_eq!((found.kind, found.role), (Kind::Number, Role::Feature), "{csv:?}");
    }
    let mut recipe = Recipe::default();
    recipe.columns.insert("x".into(), ColumnSpec { kind: Some(Kind::Flag), ..Default::default() });
    let plan = infer(&*text("x,y\n0,1.5\n1,2.5\n"), &recipe, &Context::default()).unwrap();
    assert_eq!(plan.columns[0].kind, Kind::Flag);
}

#[test]
fn a_column_of_which_no_cell_reads_is_an_error() {
    let train = opened("loans.csv");
    let plan = plan_of(&*train, Some("left"));
    let (intake, _) = Ingest::fit(&*train, plan, &Context::default()).unwrap();
    let answered = |source: &dyn Source| {
        let mut run = intake.clone().bind_to(source)?;
        source.scan()?.try_for_each(|batch| run.apply(&batch?).map(drop))
    };
    let e = answered(&*opened("loans_decimal_commas.csv")).unwrap_err();
    assert!(
        e.to_string().contains("'income': no cell is a number")
            && e.to_string().contains("'6010,5' in row 1"),
        "{e}"
    );
    for csv in ["id,age,income,city\n1,old,5,Oslo\n2,young,6,Oslo\n", "id,age,income,city\n1,44,true,Oslo\n"]
    {
        assert!(answered(&*text(csv)).is_err(), "{csv:?}");
    }
    for csv in
        ["id,age,income,city\n1,44,,Oslo\n", "id,age,income,city\n1,44,NA,Oslo\n2,45,x,Oslo\n3,45,1,Oslo\n"]
    {
        answered(&*text(csv)).unwrap();
    }
    answered(&*opened("loans_bad_cells.csv")).unwrap();
    assert!(!intake.warnings().is_empty());
}

/// Dates that both orders read must not be swapped because a file is written in the other one.
#[test]
fn dates_in_the_other_order_are_an_error() {
    let table = |day: &dyn Fn(usize) -> String| {
        (0..60).fold(String::from("d,x,y\n"), |t, i| t + &format!("{},{}.5,{}\n", day(i), i * 7 % 31, i % 2))
    };
    let train = text(&table(&|i| format!("{:02}/{:02}/2023", 1 + i % 28, 1 + i % 12)));
    let (intake, _) = Ingest::fit(&*train, plan_of(&*train, Some("y")), &Context::default()).unwrap();
    let answered = |csv: &str| {
        let source = text(csv);
        let mut run = intake.clone().bind_to(&*source)?;
        source.scan()?.try_for_each(|batch| run.apply(&batch?).map(drop))
    };
    let e = answered(&table(&|i| format!("{:02}/{:02}/2023", 1 + i % 12, 1 + i % 28))).unwrap_err();
    assert!(e.to_string().contains("column 'd'") && e.to_string().contains("other order"), "{e}");
    answered(&table(&|i| format!("{:02}/{:02}/2024", 1 + i % 28, 1 + i % 12))).unwrap();
    // One date that is none is a fault of its cell.
    answered(&table(&|i| {
        if i == 7 { "12/31/2023".into() } else { format!("{:02}/{:02}/2023", 1 + i % 28, 1 + i % 12) }
    }))
    .unwrap();
}

#[test]
fn words_for_missing_can_be_values() {
    let plan = plan_of(&*opened("allergy.csv"), Some("allergy"));
    assert_eq!(
        (plan.task, plan.classes),
        (Some(Task::Multiclass), vec!["Milk".into(), "None".into(), "Nuts".into()])
    );
    let plan = plan_of(&*opened("countries.csv"), Some("y"));
    assert_eq!(plan.column("country").unwrap().values, ["NA"]);
    // Quoted text is a value; among numbers it is none.
    let (intake, table) = {
        let source = text("c,x\nyes,1.5\n\"NA\",\"NA\"\nNo,2.5\nNA,\nyes,3\n");
        let plan = plan_of(&*source, None);
        Ingest::fit(&*source, plan, &Context::default()).unwrap()
    };
    assert_eq!(intake.plan().columns[0].categories, ["NA", "No", "yes"]);
    assert_eq!(table.batch().column(0).null_count(), 1);
    assert_eq!(
        table.batch().numbers(1).unwrap().iter().collect::<Vec<_>>(),
        [Some(1.5), None, Some(2.5), None, Some(3.0)]
    );
    let mut recipe = Recipe::default();
    recipe.data.missing_only = Some(vec![]);
    let source = text("c,x\nnull,1.5\nb,NA\nc,2.5\nnull,4\n");
    let plan = infer(&*source, &recipe, &Context::default()).unwrap();
    let (intake, table) = Ingest::fit(&*source, plan, &Context::default()).unwrap();
    assert_eq!(intake.plan().columns[0].categories, ["b", "c", "null"]);
    assert_eq!(table.batch().numbers(1).unwrap().iter().flatten().collect::<Vec<_>>(), [1.5, 2.5, 4.0]);
    // What is said acts when it is pasted: among names, and among numbers.
    let numbers = "c,x\na,1.5\nb,3\na,NA\nb,4\n";
    let note = plan_of(&*text(numbers), None).notes.into_iter().find(|n| n.code == "missing_words").unwrap();
    assert_eq!((note.column.as_deref(), note.remedy.as_str()), (Some("x"), "kind = \"category\""));
    let mut recipe = Recipe::default();
    recipe.columns.insert("x".into(), ColumnSpec { kind: Some(Kind::Category), ..ColumnSpec::default() });
    recipe.data.missing_only = Some(vec![]);
    let plan = infer(&*text(numbers), &recipe, &Context::default()).unwrap();
    let (intake, _) = Ingest::fit(&*text(numbers), plan, &Context::default()).unwrap();
    assert!(intake.plan().column("x").unwrap().categories.contains(&"NA".to_string()));
    // What is taken as missing is said, severely of a target.
    let plan = plan_of(&*text("c,x\na,1.5\nb,3\nn/a,2.5\na,4\n"), Some("c"));
    let note = plan.notes.iter().find(|n| n.code == "missing_words").unwrap();
    assert_eq!((note.weight, note.message.as_str()), (Weight::Severe, "'n/a' (1 row) counts as missing"));
}

#[test]
fn identities_are_text() {
    let long = "id,x\n1234567890123456789,1.5\n1234567890123456700,2.5\n1234567890123456789,3.5\n";
    let found = column(&*text(long), "id");
    assert_eq!(found.kind, Kind::Category);
    for name in ["typed.parquet", "typed_without_statistics.parquet"] {
        let source = opened(name);
        assert_eq!(texts(&*source, "id"), ["9007199254740993", "9007199254740992", "1", "(null)"], "{name}");
        assert_eq!(source.schema().columns()[1].kind, Kind::Number);
    }
    let lines = b"{\"id\": 9007199254740993}\n{\"id\": 1}\n";
    let source = open_body(&lines[..], "a", BodyFormat::JsonLines, &ReadOptions::default()).unwrap();
    assert_eq!(texts(&*source, "id"), ["9007199254740993", "1"]);
    // Names that a 64-bit float would not tell apart have codes of their own.
    let source = text(long);
    let (intake, _) = Ingest::fit(&*source, plan_of(&*source, None), &Context::default()).unwrap();
    let other = text("id,x\n1234567890123456701,1\n1234567890123456700,1\n");
    let coded = intake.clone().bind_to(&*other).unwrap().apply(&other.collect().unwrap()).unwrap();
    let (codes, n) = (coded.codes(0).unwrap(), intake.plan().columns[0].categories.len() as u32);
    assert_eq!(codes.iter().collect::<Vec<_>>(), [Some(n), Some(0)]);
    assert_eq!(column(&*text("zip,x\n01234,1.5\n01234,2.5\n99999,3.5\n"), "zip").kind, Kind::Category);
}

#[test]
fn texts_without_spaces_are_texts() {
    for (name, column) in [("chinese.csv", "text"), ("thai.csv", "text"), ("chinese_stars.csv", "评论")] {
        let plan = plan_of(&*opened(name), Some("y"));
        let found = plan.column(column).unwrap();
        assert_eq!((found.kind, found.role), (Kind::Text, Role::Feature), "{name}: {}", found.why);
    }
    let japanese: String = (0..30).map(|i| format!("このホテルはとても良かったです{i}番\n")).collect();
    assert_eq!(column(&*text(&format!("感想\n{japanese}")), "感想").role, Role::Feature);
    let codes: String = (0..60).map(|i| format!("AB-{}-x,{}.5\n", 1000 + 7 * i, i % 9)).collect();
    assert_eq!(column(&*text(&format!("code,x\n{codes}")), "code").role, Role::Key);
}

#[test]
fn what_is_named_as_the_time_is_read_as_one() {
    let epoch = opened("epoch.csv");
    let millis = text("t,y\n1700000000000,1.5\n1700086400000,2.5\n1700000000500,3\n");
    let days = text("t,y\n20240131,1.5\n20240201,2.5\n20240202,3\n");
    for (source, format) in [(&epoch, "unix_seconds"), (&millis, "unix_millis"), (&days, "%Y%m%d")] {
        let mut recipe = Recipe::default();
        recipe.data.time = Some("t".into());
        let plan = infer(&**source, &recipe, &Context::default()).unwrap();
        let found = plan.column("t").unwrap();
        assert_eq!(
            (found.kind, found.role, found.format.to_string().as_str()),
            (Kind::Time, Role::Time, format)
        );
        assert!(codes(&plan).contains(&"time_from_numbers"));
    }
    // A step of a simulation stays a number.
    let mut recipe = Recipe::default();
    recipe.data.time = Some("t".into());
    let steps: String = (0..30).map(|i| format!("{i},{}.5\n", i % 7)).collect();
    let plan = infer(&*text(&format!("t,y\n{steps}")), &recipe, &Context::default()).unwrap();
    assert_eq!(plan.column("t").unwrap().kind, Kind::Number);
}

/// Numbers as the world writes them: with the sign behind, as books of accounts do.
#[test]
fn a_sign_may_stand_behind_the_number() {
    let source = text("v;w\n1.234,50-;5-\n12,00;7\n1.000,25-;8-\n3,10;9\n");
    assert_eq!(numbers(&*source, "v"), [-1234.5, 12.0, -1000.25, 3.1]);
    assert_eq!(numbers(&*source, "w"), [-5.0, 7.0, -8.0, 9.0]);
    // Bands of age are names.
    let bands = text("age,y\n18-24,1\n25-64,0\n65-,1\n18-24,1\n25-64,0\n");
    assert_eq!(column(&*bands, "age").kind, Kind::Category);
}

/// Addresses of the web say something about their row: they are no keys, unless the name says so.
#[test]
fn addresses_of_the_web_are_texts() {
    for form in ["https://shop.example/sale/{i}/x", "/articles/2024/{i}.html"] {
        let rows = |name: &str| {
            let lines = (0..60).map(|i| format!("{},{}\n", form.replace("{i}", &format!("{i}")), i % 2));
            text(&format!("{name},y\n{}", lines.collect::<String>()))
        };
        let found = column(&*rows("address"), "address");
        assert_eq!((found.kind, found.role), (Kind::Text, Role::Feature), "{form}");
        assert_eq!(column(&*rows("page_id"), "page_id").role, Role::Key, "{form}");
    }
}

/// What the user says is missing is not said to be missing once more.
#[test]
fn words_that_the_user_named_are_no_news() {
    let rows = "x,y\n1,none\n2,mild\n3,severe\n4,none\n5,mild\n6,severe\n";
    let mut recipe = Recipe::default();
    recipe.data.target = Some("y".into());
    let notes = |recipe: &Recipe| {
        let plan = infer(&*text(rows), recipe, &Context::default()).unwrap();
        codes(&plan).into_iter().map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(notes(&recipe), ["word_is_name"]);
    recipe.data.missing = vec!["none".into()];
    assert_eq!(notes(&recipe), Vec::<String>::new());
}

/// Values of a laboratory: many bounds of either side, and words for what was not found.
#[test]
fn bounds_and_words_of_laboratories_are_numbers() {
    let cells = ["<0.5", ">100", "≤2", "n.d.", "12.25", "3.5", "BDL", "41.75"];
    let rows: String = (0..80).map(|i| format!("{},{}\n", cells[i * 5 % 8], i % 3)).collect();
    let source = text(&format!("conc,y\n{rows}"));
    assert_eq!(column(&*source, "conc").kind, Kind::Number);
    let found = numbers(&*source, "conc");
    let wanted = [0.5, 100.0, 2.0, f64::NAN, 12.25, 3.5, f64::NAN, 41.75];
    for (i, x) in found.iter().enumerate() {
        let wanted = wanted[i * 5 % 8];
        assert!(*x == wanted || (x.is_nan() && wanted.is_nan()), "row {i}: {x}, not {wanted}");
    }
    assert!(codes(&plan_of(&*source, None)).contains(&"censored"));
}

#[test]
fn units_of_one_dimension_are_one_column_and_others_are_named() {
    for (csv, wanted, format) in [
        ("x,y\n5 kg,a\n300 g,b\n2.5 kg,c\n1 kg,d\n", vec![5.0, 0.3, 2.5, 1.0], "units:kg"),
        ("x,y\n180 cm,a\n1.75 m,b\n169 cm,c\n", vec![180.0, 175.0, 169.0], "units:cm"),
        ("x;y\n1,5 h;a\n30 min;b\n2 h;c\n", vec![1.5, 0.5, 2.0], "units:h"),
        ("x,y\n~5,a\n7,b\n9.5,c\n", vec![5.0, 7.0, 9.5], "about"),
        ("x,y\nca. 5 kg,a\n7 kg,b\n900 g,c\n", vec![5.0, 7.0, 0.9], "about+units:kg"),
    ] {
        let found = numbers(&*text(csv), "x");
        assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{csv:?}: {found:?}");
        assert!(column(&*text(csv), "x").format.to_string().contains(format), "{csv:?}");
    }
    for (csv, code) in [
        ("x,y\n5 kg,a\n300 g,b\n2.5 kg,c\n", "converted_units"),
        ("x,y\n~5,a\n7,b\n9.5,c\n", "inexact"),
        ("x,y\n5 kg,a\n30 cm,b\n2 kg,c\n7 cm,a\n", "mixed_units"),
    ] {
        assert!(codes(&plan_of(&*text(csv), None)).contains(&code), "{csv:?}");
    }
    // Words that only look like units make no numbers.
    for csv in ["x,y\n5 pcs,a\n3 boxes,b\n2 pcs,c\n", "x,y\nabout a week,a\nca. two,b\n~,c\n"] {
        assert_ne!(column(&*text(csv), "x").kind, Kind::Number, "{csv:?}");
    }
}

#[test]
fn times_are_read_as_the_world_writes_them() {
    let days = |write: &dyn Fn(usize) -> String| -> String {
        "x,y\n".to_string() + &(0..40).map(|i| format!("{},{i}.5\n", write(i))).collect::<String>()
    };
    let month = ["Januar", "Februar", "März"];
    for (name, csv) in [
        ("digits with a clock", days(&|i| format!("202301{:02}12{:02}00", 1 + i % 28, i))),
        ("weeks", days(&|i| format!("2023-W{:02}-{}", 1 + i, 1 + i % 7))),
        ("mail", days(&|i| format!("\"Tue, {:02} Jan 2023 10:{i:02}:00 +0000\"", 1 + i % 28))),
        ("German", days(&|i| format!("{}. {} 2023", 1 + i % 28, month[i % 3]))),
        ("Chinese", days(&|i| format!("2023年{}月{}日", 1 + i % 12, 1 + i % 28))),
        ("named zones", days(&|i| format!("2023-01-{:02} 10:{i:02} {}", 1 + i % 28, ["CET", "CEST"][i % 2]))),
        ("Java", days(&|i| format!("2023-01-{:02}T10:{i:02}+01:00[Europe/Berlin]", 1 + i % 28))),
        ("places", days(&|i| format!("2023-01-{:02} 10:{i:02}:00 America/New_York", 1 + i % 28))),
        ("Unix", days(&|i| format!("Wed Jan {:02} 10:{i:02}:00 +0000 2023", 1 + i % 28))),
        ("mixed zones", days(&|i| format!("2023-01-{:02}T10:{i:02}:00{}", 1 + i % 28, ["", "Z"][i % 2]))),
    ] {
        let found = column(&*text(&csv), "x");
        assert_eq!(found.kind, Kind::Time, "{name}: {}", found.why);
    }
    let zones = days(&|i| format!("2023-01-{:02}T10:{i:02}:00{}", 1 + i % 28, ["", "+02:00"][i % 2]));
    assert!(codes(&plan_of(&*text(&zones), None)).contains(&"mixed_zones"));
    // Where the name or the recipe says so.
    let named = |name: &str, told: bool, write: &dyn Fn(usize) -> String| {
        let source = text(&days(write).replacen('x', name, 1));
        let mut recipe = Recipe::default();
        recipe.data.time = told.then(|| name.to_string());
        let plan = infer(&*source, &recipe, &Context::default()).unwrap();
        plan.column(name).unwrap().clone()
    };
    let months = |i: usize| format!("{}{:02}", 2016 + i / 12, 1 + i % 12);
    let nanos = |i: usize| format!("{}", 1_672_531_200_000_000_000 + i as i64 * 3_600_000_000_000);
    let weeks = |i: usize| format!("2023-W{:02}", 1 + i);
    for (found, format) in [
        (named("month", false, &months), "period"),
        (named("x", true, &months), "period"),
        (named("timestamp", false, &nanos), "unix_nanos"),
        (named("x", true, &nanos), "unix_nanos"),
        (named("week", false, &weeks), "period"),
        (named("month", false, &|i| format!("{}-{:02}", ["Jan", "Feb", "Mai"][i % 3], 18 + i % 9)), "period"),
        (named("order_date", false, &|i| format!("{}", 45_000 + 3 * i)), "excel_days"),
        (named("Datum", false, &|i| format!("{}.{i:02}", 45_000 + i)), "excel_days"),
        (named("x", true, &|i| format!("{}", 45_000 + i)), "excel_days"),
        (named("x", true, &weeks), "period"),
    ] {
        assert_eq!((found.kind, found.format.to_string().as_str()), (Kind::Time, format), "{}", found.why);
    }
    assert_eq!(named("response_time", false, &|i| format!("{}", 45_000 + 3 * i)).kind, Kind::Number);
    // Six and fourteen digits that are no dates stay what they were.
    assert_ne!(named("x", false, &months).kind, Kind::Time);
    assert_ne!(named("month", false, &|i| format!("2016{:02}", 10 + i % 7)).kind, Kind::Time);
    assert_ne!(named("x", false, &|i| format!("99999999{:06}", i)).kind, Kind::Time);
}
