//! API keys: who may ask for what.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::http::{HeaderMap, StatusCode, header};
use tidemill_store::{Key, Store, keys};

use crate::clock;
use crate::fault::ApiError;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Ask for predictions.
    Predict,
    /// Give feedback.
    Feedback,
    /// See models, metrics and figures.
    Read,
    /// Change which models are served.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Scope; 4] = [Scope::Predict, Scope::Feedback, Scope::Read, Scope::Admin];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Predict => "predict",
            Scope::Feedback => "feedback",
            Scope::Read => "read",
            Scope::Admin => "admin",
        }
    }
}

struct Known {
    id: Arc<str>,
    key: Key,
}

/// The keys of a store, read again every second.
pub struct Guarded(ArcSwap<BTreeMap<String, Known>>);

impl Guarded {
    /// The keys as they are now.
    pub fn new(store: &Store) -> tidemill_store::Result<Self> {
        Ok(Guarded(ArcSwap::from_pointee(read(store)?)))
    }

    /// Reads the keys again.
    pub fn refresh(&self, store: &Store) -> tidemill_store::Result<()> {
        self.0.store(Arc::new(read(store)?));
        Ok(())
    }

    /// Whether there is a key at all. With none, everything is open to this machine; with one, every call needs one.
    pub fn any(&self) -> bool {
        !self.0.load().is_empty()
    }

    /// The id of the key of a request, where keys are in force.
    ///
    /// # Errors
    /// 401 without a valid key, 403 for a key without the scope. Neither says which part was wrong.
    pub fn check(&self, headers: &HeaderMap, scope: Scope) -> Result<Option<Arc<str>>, ApiError> {
        let known = self.0.load();
        // What changes the server needs a key even where nothing else does.
        if known.is_empty() && scope != Scope::Admin {
            return Ok(None);
        }
        let found = token(headers).and_then(|token| {
            let known = known.get(keys::id_of(token)?)?;
            (keys::matches(&known.key, token) && known.key.is_live(clock::now())).then_some(known)
        });
        let Some(found) = found else {
            return Err(ApiError::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "this needs a valid API key",
            )
            .help("send `Authorization: Bearer KEY`; `tidemill keys create` makes one"));
        };
        if found.key.scopes.iter().any(|s| s == scope.word()) {
            return Ok(Some(found.id.clone()));
        }
        Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            format!("this key has not the scope '{}'", scope.word()),
        ))
    }
}

fn read(store: &Store) -> tidemill_store::Result<BTreeMap<String, Known>> {
    let keys = store.keys()?.into_iter();
    Ok(keys.map(|key| (key.id.clone(), Known { id: key.id.as_str().into(), key })).collect())
}

fn token(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then_some(token.trim());
    }
    headers.get("x-api-key")?.to_str().ok()
}
