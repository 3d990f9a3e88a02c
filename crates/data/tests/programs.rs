//! What other programs write: times of day, versions, and words for "no value".

use tidemill_core::Kind;

use crate::reading::{codes, column, numbers, plan_of, text};

#[test]
fn times_of_day_are_seconds_of_it() {
    let csv = "x,y\n1:05 PM,a\n12:30 am,b\n11:59 p.m.,c\n9:00 AM,d\n";
    let source = text(csv);
    assert_eq!(numbers(&*source, "x"), [47_100.0, 1_800.0, 86_340.0, 32_400.0]);
    assert!(codes(&plan_of(&*source, None)).is_empty());
    // No clock shows them.
    assert_ne!(column(&*text("x,y\n13:05 PM,a\n0:30 am,b\n14:59 pm,c\n"), "x").kind, Kind::Number);
}

#[test]
fn versions_are_names() {
    let rows: String = (0..40).map(|i| format!("1.{},{i}.5\n", 1 + i % 12)).collect();
    for (name, kind) in [
        ("version", Kind::Category),
        ("appVersion", Kind::Category),
        ("release", Kind::Category),
        ("release_price", Kind::Number),
        ("size", Kind::Number),
    ] {
        assert_eq!(column(&*text(&format!("{name},y\n{rows}")), name).kind, kind, "{name}");
    }
}

#[test]
fn words_of_other_programs_are_no_numbers() {
    for word in ["<NA>", "NaT", "\\N", "(null)", "#NULL!", "keine Angabe", "n.v.", "未知"] {
        let rows: String = (0..40)
            .map(|i| if i % 5 == 0 { format!("{word},{i}\n") } else { format!("{i}.5,{i}\n") })
            .collect();
        let source = text(&format!("x,y\n{rows}"));
        assert_eq!(column(&*source, "x").kind, Kind::Number, "{word}");
        assert!(codes(&plan_of(&*source, None)).contains(&"missing_words"), "{word}");
        // Among names it is said to be one.
        let names = text(&format!("x,y\na,1\n{word},2\nb,3\na,4\n{word},5\n"));
        let said = plan_of(&*names, None).notes.iter().any(|n| n.code == "word_is_name");
        assert_eq!(said, word != "未知", "{word}");
    }
}
