//! Where a request goes: one for predictions straight to its handler, every other one by the router.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::http::{HeaderValue, Method, Request, Version, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::patient::Talk;
use crate::app::App;
use crate::origin::{preflight, with_origin};
use crate::routes;

/// The service of a connection.
#[derive(Clone)]
pub(super) struct Front {
    app: Arc<App>,
    router: TowerToHyperService<Router>,
    talk: Talk,
}

impl Front {
    pub(super) fn new(app: Arc<App>) -> Self {
        Front { router: TowerToHyperService::new(routes::router(app.clone())), app, talk: Talk::default() }
    }

    /// The same for one connection, whose requests come one after the other.
    pub(super) fn of_a_connection(self) -> Self {
        Front { talk: Talk::default(), ..self }
    }

    /// How far the request at hand is.
    pub(super) fn talk(&self) -> Talk {
        self.talk.clone()
    }
}

impl Service<Request<Incoming>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let answering = self.talk.answering();
        let (head, body) = request.into_parts();
        let version = head.version;
        let origin = match self.app.origins.check(!self.app.keys.any(), &head) {
            Ok(origin) => origin,
            Err(fault) => return Box::pin(std::future::ready(Ok(fault.into_response()))),
        };
        if head.method == Method::POST && routes::model_of(head.uri.path()).is_some() {
            let app = self.app.clone();
            return Box::pin(async move {
                let _answering = answering;
                let name = routes::model_of(head.uri.path()).unwrap_or_default();
                let answer = routes::of_model(&app, name, &head, body).await;
                Ok(parting(&app, version, with_origin(answer, origin)))
            });
        }
        if let Some(origin) = origin.clone().filter(|_| head.method == Method::OPTIONS) {
            return Box::pin(std::future::ready(Ok(preflight(origin))));
        }
        let answer = self.router.call(Request::from_parts(head, body));
        let app = self.app.clone();
        Box::pin(async move {
            let _answering = answering;
            Ok(parting(&app, version, with_origin(answer.await?, origin)))
        })
    }
}

/// The answer; of a server that is about to end, the last one of its connection: a client that waits for the next request otherwise sends it
/// just when the connection is closed.
fn parting(app: &App, version: Version, mut answer: Response) -> Response {
    if version <= Version::HTTP_11 && !app.ready.load(Ordering::Relaxed) {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}
