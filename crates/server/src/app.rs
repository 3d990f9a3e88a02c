//! Everything that requests share.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tidemill_core::Context;
use tidemill_engine::backup::Regular;
use tidemill_engine::language::{BatchLimits, Precision};
use tidemill_engine::model::language::Place;
use tidemill_store::{Durability, Store};

use crate::auth::Guarded;
use crate::charges::Rates;
use crate::languages::{AT_ONCE, Language, Languages};
use crate::live::{Live, Loader};
use crate::models::Models;
use crate::origin::Origins;
use crate::telemetry::Telemetry;
use crate::trouble::StoreHealth;
use crate::{Error, Result};

/// Bytes of keys and values of a language model when nothing is said.
pub const KV_CACHE: usize = 1 << 30;

/// What to serve, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The model files and language models, and folders whose model files come into and go out of service as they appear and
    /// vanish.
    pub models: Vec<PathBuf>,
    /// What to call the model, where there is one and its file's name will not do.
    pub name: Option<String>,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The database: a path, or `postgres://…`.
    pub store: String,
    /// When a logged row counts as kept.
    pub durability: Durability,
    /// What a request may take.
    pub limits: Limits,
    /// How long, after the signal to end, new requests are still answered while `/health/ready` says 503.
    pub drain: Duration,
    /// How long predictions are kept; for ever without it.
    pub retention: Option<Duration>,
    /// The secret of hashed columns.
    pub hash_key: Option<String>,
    /// In how many bits the weights of language models are held.
    pub precision: Precision,
    /// Bytes of keys and values of each language model, of answers that are generated together and of prompts that are kept.
    pub kv_cache: usize,
    /// Sites whose pages may ask, such as `https://app.example`.
    pub allow_origin: Vec<String>,
    /// The backups that are made meanwhile.
    pub backup: Option<Regular>,
    /// What computing costs, to say what predictions cost.
    pub rates: Option<Rates>,
}

/// What a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body, unpacked.
    pub body: usize,
    /// Rows of a request.
    pub rows: usize,
    /// How long a body may take to arrive, and an answer to be made.
    pub time: Duration,
    /// How long the head of a request may take to arrive.
    pub head: Duration,
    /// How long a connection of HTTP/1 without a request is kept.
    pub keep_alive: Duration,
    /// Connections at once; more wait.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body: 16 << 20,
            rows: 50_000,
            time: Duration::from_secs(30),
            head: Duration::from_secs(10),
            // Longer than the minute for which most proxies keep one.
            keep_alive: Duration::from_secs(75),
            connections: 8192,
        }
    }
}

impl Limits {
    /// Refuses limits within which nothing can be answered.
    fn check(&self) -> Result<()> {
        let refused = [
            (self.body == 0, "a body of at most 0 bytes"),
            (self.rows == 0, "a limit of 0 rows"),
            (self.time.is_zero(), "a time limit of 0 seconds"),
        ];
        match refused.into_iter().find(|(none, _)| *none) {
            Some((_, limit)) => Err(Error::Limit { limit }),
            None => Ok(()),
        }
    }
}

impl Options {
    /// Refuses a name that no model would get, or that several would.
    fn check_name(&self) -> Result<()> {
        let given = match self.models.as_slice() {
            _ if self.name.is_none() => return Ok(()),
            [one] if one.is_dir() && !Place::is_language(one) => "a folder is".into(),
            [_] => return Ok(()),
            several => format!("{} paths are", several.len()),
        };
        Err(Error::OneName { given })
    }

    /// These models, on any free port of this machine's own address.
    pub fn local(models: Vec<PathBuf>, store: impl Into<String>) -> Self {
        Options {
            models,
            name: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            store: store.into(),
            durability: Durability::Durable,
            limits: Limits::default(),
            drain: Duration::ZERO,
            retention: None,
            hash_key: None,
            precision: Precision::Float32,
            kv_cache: KV_CACHE,
            allow_origin: Vec::new(),
            backup: None,
            rates: None,
        }
    }
}

/// Everything that requests share.
pub struct App {
    /// The models in service.
    pub models: Models,
    /// The language models in service.
    pub languages: Languages,
    /// The database.
    pub store: Store,
    /// The API keys.
    pub keys: Guarded,
    /// The figures.
    pub telemetry: Arc<Telemetry>,
    /// What a request may take.
    pub limits: Limits,
    /// Whether new work is welcome.
    pub ready: AtomicBool,
    /// Whether the store keeps rows.
    pub store_health: Arc<StoreHealth>,
    /// Which pages may ask.
    pub(crate) origins: Origins,
    /// What models are loaded by.
    pub(crate) loader: Loader,
}

impl App {
    /// Opens the store and the models.
    pub fn new(options: &Options, context: &Context) -> tidemill_core::Result<Arc<App>> {
        if options.retention.is_some_and(|time| time < Duration::from_secs(1)) {
            return Err(Error::Retention.into());
        }
        options.limits.check()?;
        options.check_name()?;
        let origins = Origins::new(&options.allow_origin)?;
        let store = Store::open(&options.store, tidemill_store::Options { durability: options.durability })?;
        let telemetry =
            Telemetry::new(options.rates.clone()).map_err(|e| Error::System(format!("metrics: {e}")))?;
        let keys = Guarded::new(&store)?;
        let telemetry = Arc::new(telemetry);
        let store_health = Arc::new(StoreHealth::default());
        let loader = Loader {
            store: store.clone(),
            store_health: store_health.clone(),
            telemetry: telemetry.clone(),
            hash_key: options.hash_key.clone(),
            precision: options.precision,
            together: BatchLimits { at_once: AT_ONCE, memory: options.kv_cache },
            context: context.clone(),
        };
        let (talking, tables): (Vec<_>, Vec<_>) =
            options.models.iter().cloned().partition(|path| Place::is_language(path));
        let name = options.name.as_deref().filter(|_| options.models.len() == 1);
        let mut languages = Languages::default();
        for path in &talking {
            languages.add(Language::open(path, name, &loader)?)?;
        }
        let app = App {
            models: Models::of(&tables),
            languages,
            store,
            keys,
            telemetry,
            limits: options.limits,
            ready: AtomicBool::new(true),
            store_health,
            origins,
            loader,
        };
        for path in tables.iter().filter(|path| !path.is_dir()) {
            app.models.add(Live::open(path, name, &app.loader)?)?;
        }
        app.models.look(&app.loader);
        if let Some(live) = app.models.all().iter().find(|live| app.languages.named(&live.name).is_some()) {
            return Err(Error::SameName { name: live.name.clone() }.into());
        }
        Ok(Arc::new(app))
    }

    /// Refuses to be reachable from other machines without keys.
    pub fn check_open(&self, address: SocketAddr) -> Result<()> {
        if address.ip().is_loopback() || self.keys.any() {
            return Ok(());
        }
        Err(Error::Open { address: address.to_string() })
    }
}
