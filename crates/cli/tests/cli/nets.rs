//! Nets: trained by name, cut at any instant and gone on with, watched.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::desk::{Desk, example, small_table};

const RECIPE: &str = "[data]\nsource = \"t.csv\"\ntarget = \"churned\"\n[train]\ntrials = 1\n\
[[learners]]\nkind = \"neural_net\"\nhidden = [32, 32]\nepochs = 30\nbatch_size = 16\n";

fn desk() -> Desk {
    Desk::new().with("t.csv", small_table(400)).with("net.toml", RECIPE)
}

#[test]
fn a_net_is_trained_and_answers() {
    let desk = Desk::new();
    let recipe = format!(
        "[data]\nsource = \"{}\"\ntarget = \"species\"\n[train]\ntrials = 1\n[[learners]]\nkind = \"neural_net\"\n",
        example("penguins/penguins.csv").replace('\\', "/")
    );
    let desk = desk.with("net.toml", recipe);
    desk.run(&["train", "net.toml", "--out", "m"]).done();
    let metrics: serde_json::Value = serde_json::from_str(&desk.read("m/metrics.json")).unwrap();
    assert!(metrics["test"]["metrics"]["accuracy"].as_f64().unwrap() > 0.95, "{metrics}");
    let answers = desk.run(&["predict", "m/model.tidemill", &example("penguins/penguins.csv")]).done().out;
    assert_eq!(answers.lines().count(), 345);
}

/// Killed without a warning, at instants that no one chose: what is in the folder is whole, and leads to the same bytes.
#[test]
fn a_training_that_was_killed_goes_on_to_the_same_bytes() {
    let desk = desk();
    desk.run(&["train", "net.toml", "--out", "whole"]).done();
    let resumed = ["train", "net.toml", "--out", "resumed", "--checkpoint", "states", "--resume", "--quiet"];
    for pause in [150, 400, 700] {
        let program = assert_cmd::cargo::cargo_bin("tidemill");
        let mut child = Command::new(program)
            .args(resumed)
            .current_dir(desk.path(""))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    desk.run(&resumed).done();
    assert!(desk.bytes("whole/model.tidemill") == desk.bytes("resumed/model.tidemill"), "not the same bytes");
}

#[test]
fn curves_are_left_where_they_were_asked_for() {
    let desk = desk();
    desk.run(&["train", "net.toml", "--out", "m", "--tensorboard", "curves", "--device", "cpu"]).done();
    let named = |folder: &str| -> Vec<String> {
        let entries = std::fs::read_dir(desk.path(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    let nets =
        named("curves").into_iter().filter(|run| run.starts_with("net-")).map(|run| format!("curves/{run}"));
    let learners = named("curves/learners").into_iter().map(|run| format!("curves/learners/{run}"));
    let runs: Vec<String> = nets.chain(learners).chain(["curves/model".into()]).collect();
    assert!(
        runs.iter().any(|run| run.contains("/net-")) && runs.iter().any(|run| run.contains("-neural_net"))
    );
    for run in runs {
        let file = &named(&run)[0];
        assert!(file.starts_with("events.out.tfevents."), "{run}: {file}");
        let bytes = std::fs::metadata(desk.path(&run).join(file)).unwrap().len();
        assert!(bytes > if run.contains("/net-") { 1000 } else { 100 }, "{run}: {bytes} bytes");
    }
    let ran = desk.run(&["train", "net.toml", "--out", "m", "--device", "gpu"]);
    assert!(ran.err.contains("must be auto, cpu, or as cuda:0"), "{}", ran.err);
}
