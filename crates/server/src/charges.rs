//! What predictions cost, by model, version and API key, for `/metrics` and the page.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{CounterVec, Opts, Registry};

/// What computing costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Rates {
    /// The currency.
    pub currency: String,
    /// A CPU core for an hour.
    pub cpu_hour: f64,
    /// A gigabyte (10⁹ bytes) sent to callers.
    pub egress_gb: f64,
}

/// The work on requests, and what it costs where prices are known.
#[derive(Clone)]
pub struct Charges {
    work: CounterVec,
    cost: CounterVec,
    rates: Option<Rates>,
}

/// The labels of both counters.
const LABELS: [&str; 3] = ["model", "version", "key"];

impl Charges {
    /// Registers the counters; that of the cost only if prices are known.
    pub(crate) fn new(registry: &Registry, rates: Option<Rates>) -> prometheus::Result<Self> {
        let work = CounterVec::new(
            Opts::new(
                "tidemill_work_seconds_total",
                "Time of work on requests for predictions (prepare, infer, respond), by API key (empty without one).",
            ),
            &LABELS,
        )?;
        registry.register(Box::new(work.clone()))?;
        let options = Opts::new(
            "tidemill_cost_total",
            "What that work and the bytes of the answers cost by --prices, without memory and storage.",
        );
        let currency = rates.as_ref().map_or("", |rates| rates.currency.as_str());
        let cost = CounterVec::new(options.const_label("currency", currency), &LABELS)?;
        if rates.is_some() {
            registry.register(Box::new(cost.clone()))?;
        }
        Ok(Charges { work, cost, rates })
    }

    /// Counts a request of the callers with a key: the work on it, and the bytes that were sent.
    pub(crate) fn count(&self, [model, version, key]: [&str; 3], work: Duration, sent: usize) {
        let seconds = work.as_secs_f64();
        self.work.with_label_values(&[model, version, key]).inc_by(seconds);
        if let Some(rates) = &self.rates {
            let cost = seconds / 3600.0 * rates.cpu_hour + sent as f64 / 1e9 * rates.egress_gb;
            self.cost.with_label_values(&[model, version, key]).inc_by(cost);
        }
    }

    /// What all versions of a model have cost since the start, and the currency; `None` where no prices are known.
    pub(crate) fn of_model(&self, model: &str) -> Option<(f64, &str)> {
        let rates = self.rates.as_ref()?;
        let families = self.cost.collect();
        let metrics = families.iter().flat_map(|family| family.get_metric());
        let own = metrics.filter(|metric| {
            metric.get_label().iter().any(|label| label.name() == "model" && label.value() == model)
        });
        Some((own.map(|metric| metric.get_counter().get_value()).sum(), &rates.currency))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus::Registry;

    use super::{Charges, Rates};

    /// By hand: half an hour at 0.04 is 0.02, two gigabytes at 0.09 are 0.18; another model does not count.
    #[test]
    fn work_and_bytes_are_charged_to_the_model() {
        let rates = Rates { currency: "EUR".into(), cpu_hour: 0.04, egress_gb: 0.09 };
        let charges = Charges::new(&Registry::new(), Some(rates)).unwrap();
        charges.count(["m", "v1", "ann"], Duration::from_secs(900), 2_000_000_000);
        charges.count(["m", "v2", ""], Duration::from_secs(900), 0);
        charges.count(["n", "v1", ""], Duration::from_secs(9000), 0);
        let (cost, currency) = charges.of_model("m").unwrap();
        assert!((cost - 0.2).abs() < 1e-12, "{cost}");
        assert_eq!(currency, "EUR");
        assert_eq!(Charges::new(&Registry::new(), None).unwrap().of_model("m"), None);
    }
}
