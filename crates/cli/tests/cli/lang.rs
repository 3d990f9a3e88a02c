//! `--lang`: reports speak it, models never do.

use crate::desk::{Desk, small_table};

#[test]
fn the_language_changes_the_report_and_no_byte_of_the_model() {
    let desk = Desk::new().with("rows.csv", small_table(120));
    let train = |lang: &str, out: &str| {
        let args = ["train", "rows.csv", "--target", "churned", "--trials", "1", "--quality", "fast"];
        desk.run(&[&args[..], &["--lang", lang, "--out", out]].concat()).done()
    };
    train("en", "en");
    train("zh", "zh");
    for file in ["model.tidemill", "tidemill.toml", "metrics.json"] {
        assert!(desk.bytes(&format!("en/{file}")) == desk.bytes(&format!("zh/{file}")), "{file} differs");
    }
    let (english, chinese) = (desk.read("en/report.html"), desk.read("zh/report.html"));
    assert!(english.contains("<html lang=\"en\">") && english.contains("<h2>How good it is</h2>"));
    assert!(chinese.contains("<html lang=\"zh-CN\">") && chinese.contains("<h2>效果如何</h2>"));
    assert!(chinese.contains("准确率") && !chinese.contains("How good it is"));
    let model = "en/model.tidemill";
    desk.run(&["evaluate", model, "rows.csv", "--report", "judged.html", "--lang", "zh"]).done();
    assert!(desk.read("judged.html").contains("评估报告"));
    desk.run(&["check", "rows.csv", "--target", "churned", "--report", "audit.html", "--lang", "zh"]).done();
    assert!(desk.read("audit.html").contains("数据检查"));
}

#[test]
fn an_unknown_language_is_answered_with_those_there_are() {
    let desk = Desk::new().with("rows.csv", small_table(20));
    desk.run(&["check", "rows.csv", "--lang", "tlh"]).refused(&["'tlh'", "--lang", "en", "zh"]);
}
