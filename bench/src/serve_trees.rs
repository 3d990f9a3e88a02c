//! One row over HTTP to a model of 500 boosted trees, with everything on at our side (a key, metrics, the durable log), against Triton,
//! LitServe, MLServer and MLflow with a model of the same size learned from the same table, which they answer by onnxruntime
//! without keys and logs. Processor time counts every process of a server.

use std::path::Path;
use std::process::Command;

use tidemill_core::recipe::Spec;

use crate::row::Row;
use crate::serve::{self, Server, free_port, side_by_side};
use crate::{Outcome, peer};

const CONNECTIONS: [usize; 2] = [16, 64];
const NUMBERS: usize = 20;

/// A peer: its name for people and for its environment, where it answers, what it is asked.
struct Peer {
    name: &'static str,
    environment: &'static str,
    path: &'static str,
    body: fn(&str) -> String,
}

const TRITON: Peer =
    Peer { name: "Triton", environment: "triton", path: "/v2/models/trees/infer", body: tensors };

const OTHERS: [Peer; 3] = [
    Peer {
        name: "LitServe",
        environment: "litserve",
        path: "/predict",
        body: |x| format!("{{\"x\": [{x}]}}"),
    },
    Peer { name: "MLServer", environment: "mlserver", path: "/v2/models/trees/infer", body: tensors },
    Peer {
        name: "MLflow",
        environment: "mlflow",
        path: "/invocations",
        body: |x| format!("{{\"inputs\": [[{x}]]}}"),
    },
];

/// A row as the protocol of KServe has it.
fn tensors(x: &str) -> String {
    format!(
        "{{\"inputs\": [{{\"name\": \"x\", \"shape\": [1, {NUMBERS}], \"datatype\": \"FP32\", \"data\": [{x}]}}]}}"
    )
}

impl Peer {
    fn start(&self, model: &Path, folder: &Path) -> Outcome<Server> {
        let x: Vec<String> = (0..NUMBERS).map(|i| format!("{:.4}", 0.37 * i as f64 - 3.0)).collect();
        let port = free_port()?;
        let mut command = Command::new(peer::environment(self.environment)?);
        command.arg(peer::root().join("bench/peers/serve_trees.py")).arg(self.environment);
        command.arg(port.to_string()).arg(model).arg(folder.join(self.environment));
        Server::at(port, &mut command, self.path, (self.body)(&x.join(", ")))
    }
}

pub(crate) fn run() -> Outcome<Vec<Row>> {
    let folder = peer::work_folder()?.join("serve_trees");
    let learner = Spec::new("boosted_trees").with("n_trees", 500).with("early_stopping", 0);
    let model = serve::model_of(&folder, learner)?;
    let theirs = folder.join("trees.onnx");
    peer::run(
        "trees_model",
        &[&folder.join("rows.csv").display().to_string(), &theirs.display().to_string()],
        1,
    )?;
    let ours = Server::ours(&model, &folder)?;
    let mut rows = against_triton(&ours, &theirs, &folder)?;
    rows.extend(against_others(&ours, &theirs, &folder)?);
    Ok(rows)
}

fn against_triton(ours: &Server, theirs: &Path, folder: &Path) -> Outcome<Vec<Row>> {
    let triton = TRITON.start(theirs, folder)?;
    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        let [us, them] = side_by_side([ours, &triton], connections, folder)?;
        rows.push(Row {
            name: format!("serve 500 trees, {connections} connections: CPU per request"),
            peer: TRITON.name.into(),
            ours_secs: us.cpu_secs,
            peer_secs: them.cpu_secs,
            goal_at_least: 3.0,
            reach: 5.0,
            same_answer: "a model of the same size".into(),
        });
        rows.push(Row {
            name: format!("serve 500 trees, {connections} connections: time per request of all"),
            peer: TRITON.name.into(),
            ours_secs: 1.0 / us.per_second,
            peer_secs: 1.0 / them.per_second,
            goal_at_least: 1.5,
            reach: 2.0,
            same_answer: format!("{:.0} requests a second here, {:.0} there", us.per_second, them.per_second),
        });
    }
    Ok(rows)
}

fn against_others(ours: &Server, theirs: &Path, folder: &Path) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for other in &OTHERS {
        let server = other.start(theirs, folder)?;
        for connections in CONNECTIONS {
            let [us, them] = side_by_side([ours, &server], connections, folder)?;
            rows.push(Row {
                name: format!(
                    "serve 500 trees, {connections} connections, beside {}: time per request of all",
                    other.name
                ),
                peer: other.name.into(),
                ours_secs: 1.0 / us.per_second,
                peer_secs: 1.0 / them.per_second,
                goal_at_least: 6.0,
                reach: 10.0,
                same_answer: format!("CPU per request {:.1} times ours", them.cpu_secs / us.cpu_secs),
            });
        }
    }
    Ok(rows)
}
