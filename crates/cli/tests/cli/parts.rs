//! `tidemill explain --method partition_shap` on texts and pictures: what each word and each patch adds.

use serde_json::Value;

use crate::desk::Desk;

/// Owen values of three players of which the first two are a pair, worked out by hand from what all eight coalitions answer: bit `i` of
/// a place says whether player `i` is known.
fn by_hand(v: &[f64; 8]) -> [f64; 3] {
    let of_pair = |i: usize, j: usize| {
        let without = 0.5 * (v[i] - v[0]) + 0.5 * (v[i | j] - v[j]);
        let with = 0.5 * (v[i | 4] - v[4]) + 0.5 * (v[7] - v[j | 4]);
        0.5 * without + 0.5 * with
    };
    [of_pair(1, 2), of_pair(2, 1), 0.5 * (v[4] - v[0]) + 0.5 * (v[7] - v[3])]
}

/// Reviews of which those are bad that say `awful`, or `not` before `good`.
fn reviews() -> Desk {
    let fillers = ["the room", "our stay", "this place", "the food", "every day"];
    let ends = ["in spring", "after all", "by the sea", "with friends", "on sunday"];
    let middles = [("was good", "good"), ("was not good", "bad"), ("was awful", "bad"), ("was fine", "good")];
    let row = |i: usize| {
        let (middle, mood) = middles[(i * 7 + i / 4) % 4];
        format!("\"{} {middle} {}\",{mood}\n", fillers[i % 5], ends[(i / 5) % 5])
    };
    let table = String::from("review,mood\n") + &(0..200).map(row).collect::<String>();
    let recipe = "[data]\nsource = \"t.csv\"\ntarget = \"mood\"\npositive = \"bad\"\n[columns.review]\nkind = \"text\"\n\
                  [[learners]]\nkind = \"logistic\"\n[train]\ntrials = 1\n";
    let desk = Desk::new().with("t.csv", table).with("r.toml", recipe);
    desk.run(&["train", "r.toml", "-o", "m"]).done();
    desk
}

/// The probability of `bad` of each text.
fn chances(desk: Desk, texts: &[&str]) -> (Desk, Vec<f64>) {
    let rows = texts.iter().map(|text| format!("\"{text}\"\n")).collect::<String>();
    let desk = desk.with("asked.csv", format!("review\n{rows}"));
    desk.run(&["predict", "m/model.tidemill", "asked.csv", "-o", "answers.csv"]).done();
    let answers = desk.read("answers.csv");
    let mut lines = answers.lines().map(|line| line.split(',').map(String::from).collect::<Vec<_>>());
    let at = lines.next().unwrap().iter().position(|name| name == "probability_bad").unwrap();
    (desk, lines.map(|line| line[at].parse().unwrap()).collect())
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn words_add_what_owen_values_worked_out_by_hand_say() {
    let desk = reviews();
    // The comma parts the third word from the first two.
    let texts =
        ["", "not ", "good, ", "not good, ", "sunday", "not sunday", "good, sunday", "not good, sunday"];
    let (desk, asked) = chances(desk, &texts);
    let desk = desk.with("one.csv", "review\n\"not good, sunday\"\n\"...\"\n");
    let args = ["explain", "m/model.tidemill", "one.csv", "--method", "partition_shap"];
    let found = desk.run(&[&args[..], &["--json"]].concat()).done().json();
    assert_eq!((&found["method"], &found["outputs"][0]), (&"partition_shap".into(), &"bad".into()));
    let base = found["base"][0].as_f64().unwrap();
    assert!((base - asked[0]).abs() < 1e-9, "{base} is not {}", asked[0]);
    let (row, cell) = (&found["rows"][0], &found["rows"][0]["parts"][0]);
    assert_eq!(cell["parts"], serde_json::json!([{"word": "not "}, {"word": "good, "}, {"word": "sunday"}]));
    let wanted = by_hand(asked.as_slice().try_into().unwrap());
    let values = numbers(&cell["values"][0]);
    for (found, wanted) in values.iter().zip(wanted) {
        assert!((found - wanted).abs() < 1e-9, "{values:?} are not {wanted:?}");
    }
    assert!(values[0].abs() > 0.01, "{values:?}");
    // The column gets the sum of its words, and with the base that is the answer.
    let sum: f64 = values.iter().sum();
    assert!((row["values"][0][0].as_f64().unwrap() - sum).abs() < 1e-12);
    assert!((base + sum - asked[7]).abs() < 1e-9);
    // A text without words is one part.
    assert_eq!(found["rows"][1]["parts"][0]["parts"], serde_json::json!([{"word": "..."}]));
    let told = desk.run(&[&args[..], &["--report", "why.html"]].concat()).done().out;
    assert!(told.contains("In “review”: “") && told.contains("“not” +"), "{told}");
    let page = desk.read("why.html");
    assert!(page.contains("The words of") && page.contains("<mark class=\"raises o5\""), "{page}");
    // LIME leaves out the same words, and one that says it all is what its linear model finds.
    let desk = desk.with("awful.csv", "review\nthe room was awful in spring\n");
    let lime = ["explain", "m/model.tidemill", "awful.csv", "--method", "lime", "--repeats", "2"];
    let found = desk.run(&[&lime[..], &["--json"]].concat()).done().json();
    let (cell, fit) = (&found["rows"][0]["parts"][0], &found["rows"][0]["local"][0]);
    let values = numbers(&cell["values"][0]);
    assert_eq!(cell["parts"][3], serde_json::json!({"word": "awful "}));
    assert!((0..6).filter(|at| *at != 3).all(|at| values[at].abs() < values[3]), "{values:?}");
    let local = fit["local_answer"].as_f64().unwrap();
    let sum = fit["intercept"].as_f64().unwrap() + values.iter().sum::<f64>();
    assert!((local - sum).abs() < 1e-9 && fit["r2"].as_f64().unwrap() > 0.3, "{fit}");
    assert!(desk.run(&lime).done().out.contains("Fidelity of the local models"));
    let long = format!("review\n{}\n", "word ".repeat(1001));
    let desk = desk.with("long.csv", long);
    desk.run(&["explain", "m/model.tidemill", "long.csv", "--method", "lime"])
        .refused(&["1001 words", "partition_shap"]);
    // The same bytes on any number of threads.
    let on =
        |threads: &'static str| desk.run(&[&args[..], &["--json", "--threads", threads]].concat()).done().out;
    assert_eq!(on("1"), on("3"));
    let rows = "\"not good\"\n".repeat(201);
    let desk = desk.with("many.csv", format!("review\n{rows}"));
    let many = ["explain", "m/model.tidemill", "many.csv", "--method", "partition_shap"];
    desk.run(&many).refused(&["words of texts", "201 rows"]);
}

/// A picture of 8 by 8 pixels as a Windows bitmap; `light` says how light each is, from the lowest line up.
fn picture(light: impl Fn(usize, usize) -> u8) -> Vec<u8> {
    let mut out =
        b"BM\xf6\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x08\0\0\0\x08\0\0\0\x01\0\x18\0\0\0\0\0\xc0\0\0\0"
            .to_vec();
    out.extend([0; 16]);
    out.extend((0..8).flat_map(|y| (0..8).map(move |x| (x, y))).flat_map(|(x, y)| [light(x, 7 - y); 3]));
    out
}

/// Pictures that are alike but for a square in the upper left, which is light for one class.
#[test]
fn patches_that_tell_pictures_apart_add_all_of_it() {
    let mut desk = Desk::new();
    let mut table = String::from("photo,kind\n");
    for i in 0..40usize {
        let noise = move |x: usize, y: usize| ((x * 31 + y * 17 + i * 13) % 40) as u8;
        let lit = i.is_multiple_of(3);
        let light = move |x: usize, y: usize| if lit && x < 2 && y < 2 { 250 } else { noise(x, y) };
        desk = desk.with(&format!("p{i}.bmp"), picture(light));
        table += &format!("p{i}.bmp,{}\n", if lit { "lit" } else { "dark" });
    }
    let recipe = "[data]\nsource = \"t.csv\"\ntarget = \"kind\"\npositive = \"lit\"\n[[learners]]\nkind = \"logistic\"\n\
                  [train]\ntrials = 1\n";
    let desk = desk.with("t.csv", table).with("r.toml", recipe).with("plain.bmp", picture(|_, _| 90));
    desk.run(&["train", "r.toml", "-o", "m"]).done();
    let args = ["explain", "m/model.tidemill", "t.csv", "--rows", "1", "--method", "partition_shap"];
    let ran = desk.run(&[&args[..], &["--json"]].concat()).done();
    assert!(!ran.err.contains("coalitions do not divide"), "{ran:?}");
    let found = ran.json();
    let (row, cell) = (&found["rows"][0], &found["rows"][0]["parts"][0]);
    let values = numbers(&cell["values"][0]);
    assert_eq!((values.len(), &cell["parts"][9]), (64, &serde_json::json!({"patch": [1, 1, 1, 1]})));
    let whole = row["values"][0][0].as_f64().unwrap();
    let corner: f64 = [0, 1, 8, 9].map(|at| values[at]).iter().sum();
    assert!((values.iter().sum::<f64>() - whole).abs() < 1e-9 && whole > 0.1, "{whole}");
    assert!(corner > 0.8 * whole, "{corner} of {whole}");
    let base = found["base"][0].as_f64().unwrap();
    assert!((base + whole - row["totals"][0].as_f64().unwrap()).abs() < 1e-9);
    assert_eq!(row["cells"][0], "8 x 8 px");
    let told = desk.run(&[&args[..], &["--report", "why.html"]].concat()).done().out;
    assert!(told.contains("pixels ") && told.contains("8 x 8 px"), "{told}");
    assert!(desk.read("why.html").matches("data:image/png;base64,").count() == 2);
    // A picture of one colour is compared with the mean picture like any other; one that is missing has no patches.
    let desk = desk.with("few.csv", "photo\nplain.bmp\n\"\"\n");
    let few =
        ["explain", "m/model.tidemill", "few.csv", "--background", "t.csv", "--method", "partition_shap"];
    let found = desk.run(&[&few[..], &["--json"]].concat()).done().json();
    assert_eq!(found["rows"][0]["parts"][0]["parts"].as_array().map(Vec::len), Some(64));
    assert!(found["rows"][1]["parts"].is_null() && found["rows"][1]["cells"][0].is_null(), "{found}");
}
