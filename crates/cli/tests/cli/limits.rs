//! Work that ends before it is done: by the user's hand, by the clock, by the size of the input.

use crate::desk::{Desk, small_table};

/// A training of many folds: seconds of work.
fn long_work() -> Desk {
    let desk = Desk::new().with("t.csv", small_table(3000));
    let recipe = "[data]\nsource = \"t.csv\"\ntarget = \"churned\"\n[folds]\nn = 500\n";
    desk.with("long.toml", recipe)
}

/// A training that is interrupted so often, with half a second between.
#[cfg(unix)]
fn interrupted(desk: &Desk, times: usize) -> std::process::Output {
    let child = std::process::Command::new(assert_cmd::cargo::cargo_bin("tidemill"))
        .args(["train", "long.toml", "--out", "m"])
        .current_dir(desk.path(""))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(900));
    for _ in 0..times {
        let asked = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(asked.unwrap().success());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_search_with_the_best_so_far() {
    let desk = long_work();
    let ended = interrupted(&desk, 1);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(said.contains("ending with the best so far") && said.contains("you ended the search"), "{said}");
    assert!(desk.path("m/model.tidemill").exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_twice_stops_cleanly() {
    let desk = long_work();
    let ended = interrupted(&desk, 2);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("stopped on request; nothing was written"), "{said}");
    assert_eq!(desk.files(), ["long.toml", "t.csv"]);
}

#[test]
fn the_time_limit_takes_the_best_so_far() {
    let desk = long_work();
    let ran = desk.run(&["train", "long.toml", "--out", "m", "--time-limit", "1s"]).done();
    assert!(ran.err.contains("time limit"), "{}", ran.err);
    // Which learner came first depends on the machine's pace, but one did.
    assert!(ran.out.contains("best by log_loss: ") && !ran.out.contains("log_loss: baseline"), "{}", ran.out);
}

#[test]
fn rows_beyond_one_batch_are_answered_in_order() {
    let desk = Desk::new().with("t.csv", small_table(200)).with("many.csv", small_table(150_000));
    desk.run(&["train", "t.csv", "-t", "churned", "--trials", "2", "--out", "m"]).done();
    desk.run(&["predict", "m/model.tidemill", "many.csv", "-o", "answers.csv"]).done();
    let answers = desk.read("answers.csv");
    let asked = desk.read("many.csv");
    let key = |line: &str| line.split(',').next().unwrap().to_string();
    assert!(answers.lines().skip(1).map(key).eq(asked.lines().skip(1).map(key)));
    let few: Vec<&str> = asked.lines().take(4).collect();
    let alone = desk.run_with(&["predict", "m/model.tidemill", "-"], &(few.join("\n") + "\n")).done().out;
    assert!(alone.lines().eq(answers.lines().take(4)), "{alone}");
}
