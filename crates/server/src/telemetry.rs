//! What Prometheus reads: `/metrics`.

use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};

use crate::charges::{Charges, Rates};

/// The parts of a request's time.
pub const STAGES: [&str; 5] = ["queue", "prepare", "infer", "log", "respond"];

/// The upper bounds of the latency buckets, in seconds.
pub const SECONDS: [f64; 17] = [
    5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1.0, 5.0,
];

/// All figures.
pub struct Telemetry {
    registry: Registry,
    requests: IntCounterVec,
    stages: HistogramVec,
    total: HistogramVec,
    batch: HistogramVec,
    predictions: IntCounterVec,
    feedback: IntCounterVec,
    flaws: IntCounterVec,
    generated: IntCounterVec,
    /// Connections open now.
    pub connections: IntGauge,
    /// When the latest backup was made, in seconds since 1970.
    pub backup: IntGauge,
    /// Backups that failed.
    pub failed_backups: IntCounter,
    in_flight: prometheus::IntGaugeVec,
    charges: Charges,
}

/// The figures of one version of a model, found once.
pub struct ModelFigures {
    /// Answered requests.
    pub answered: IntCounter,
    /// Requests refused: the caller's fault.
    pub refused: IntCounter,
    /// Requests failed: ours.
    pub failed: IntCounter,
    /// Requests whose caller left before the answer ended.
    pub cancelled: IntCounter,
    /// The time of each of [`STAGES`].
    pub stages: [Histogram; 5],
    /// The time of a whole request.
    pub total: Histogram,
    /// Rows per request.
    pub batch: Histogram,
    /// Requests being answered.
    pub in_flight: IntGauge,
    /// Predictions of each class; one counter for a number.
    pub predictions: Vec<IntCounter>,
    flaws: IntCounterVec,
    charges: Charges,
    model: String,
    version: String,
}

impl ModelFigures {
    /// Counts a row that has something odd of this code.
    pub fn count_odd(&self, code: &str) {
        self.flaws.with_label_values(&[self.model.as_str(), code]).inc();
    }

    /// Counts the work on a request of the callers with a key, and the bytes that were sent.
    pub fn charge(&self, key: Option<&str>, work: Duration, sent: usize) {
        self.charges.count([&self.model, &self.version, key.unwrap_or_default()], work, sent);
    }

    /// What all versions of the model have cost since the start, and the currency; `None` where no prices are known.
    pub fn cost(&self) -> Option<(f64, &str)> {
        self.charges.of_model(&self.model)
    }
}

impl Telemetry {
    /// Fresh figures; with prices, what predictions cost.
    pub fn new(rates: Option<Rates>) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| -> prometheus::Result<IntCounterVec> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let histogram = |name: &str, help: &str, labels: &[&str], buckets: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            let histogram = HistogramVec::new(options, labels)?;
            registry.register(Box::new(histogram.clone()))?;
            prometheus::Result::Ok(histogram)
        };
        let rows: Vec<f64> = (0..17).map(|i| f64::from(1 << i)).collect();
        let telemetry = Telemetry {
            requests: counter(
                "tidemill_requests_total",
                "Requests for predictions, by what became of them.",
                &["model", "outcome"],
            )?,
            stages: histogram(
                "tidemill_stage_seconds",
                "Time of a request for predictions, by stage.",
                &["model", "stage"],
                &SECONDS,
            )?,
            total: histogram(
                "tidemill_request_seconds",
                "Time of a request for predictions, from its head to its answer.",
                &["model"],
                &SECONDS,
            )?,
            batch: histogram("tidemill_batch_rows", "Rows per request.", &["model"], &rows)?,
            predictions: counter(
                "tidemill_predictions_total",
                "Predicted rows, by class (empty for a number).",
                &["model", "version", "class"],
            )?,
            feedback: counter(
                "tidemill_feedback_total",
                "Feedback, by kind and by what became of it.",
                &["kind", "fate"],
            )?,
            flaws: counter(
                "tidemill_odd_rows_total",
                "Rows of which training told the model little or nothing, by the codes of their warnings.",
                &["model", "flaw"],
            )?,
            generated: counter(
                "tidemill_generated_tokens_total",
                "Tokens that language models generated, for callers who left as well.",
                &["model"],
            )?,
            connections: IntGauge::new("tidemill_connections", "Connections open now.")?,
            backup: IntGauge::new(
                "tidemill_backup_timestamp_seconds",
                "When this server made its latest backup, in seconds since 1970; 0 before its first.",
            )?,
            failed_backups: IntCounter::new("tidemill_failed_backups_total", "Backups that failed.")?,
            in_flight: prometheus::IntGaugeVec::new(
                Opts::new("tidemill_in_flight", "Requests for predictions being answered."),
                &["model"],
            )?,
            charges: Charges::new(&registry, rates)?,
            registry,
        };
        telemetry.registry.register(Box::new(telemetry.connections.clone()))?;
        telemetry.registry.register(Box::new(telemetry.in_flight.clone()))?;
        telemetry.registry.register(Box::new(telemetry.backup.clone()))?;
        telemetry.registry.register(Box::new(telemetry.failed_backups.clone()))?;
        Ok(telemetry)
    }

    /// The figures of a version of a model.
    pub fn of_model(&self, model: &str, version: &str, classes: &[String]) -> ModelFigures {
        let requests = |outcome: &str| self.requests.with_label_values(&[model, outcome]);
        let class = |class: &str| self.predictions.with_label_values(&[model, version, class]);
        ModelFigures {
            answered: requests("answered"),
            refused: requests("refused"),
            failed: requests("failed"),
            cancelled: requests("cancelled"),
            stages: STAGES.map(|stage| self.stages.with_label_values(&[model, stage])),
            total: self.total.with_label_values(&[model]),
            batch: self.batch.with_label_values(&[model]),
            in_flight: self.in_flight.with_label_values(&[model]),
            predictions: match classes {
                [] => vec![class("")],
                classes => classes.iter().map(|c| class(c)).collect(),
            },
            flaws: self.flaws.clone(),
            charges: self.charges.clone(),
            model: model.into(),
            version: version.into(),
        }
    }

    /// The tokens that a language model generated.
    pub fn generated_by(&self, model: &str) -> IntCounter {
        self.generated.with_label_values(&[model])
    }

    /// Counts a piece of feedback.
    pub fn count_feedback(&self, kind: &str, fate: &str) {
        self.feedback.with_label_values(&[kind, fate]).inc();
    }

    /// The text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut bytes = Vec::new();
        // Writing to memory fails for names alone, and these are ours.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
