//! Where a request goes: one for predictions straight to its handler, every other one by the router.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Request};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::app::App;
use crate::origin::{preflight, with_origin};
use crate::routes;

/// The service of a connection.
#[derive(Clone)]
pub(super) struct Front {
    app: Arc<App>,
    router: TowerToHyperService<Router>,
}

impl Front {
    pub(super) fn new(app: Arc<App>) -> Self {
        Front { router: TowerToHyperService::new(routes::router(app.clone())), app }
    }
}

impl Service<Request<Incoming>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (head, body) = request.into_parts();
        let origin = match self.app.origins.check(!self.app.keys.any(), &head) {
            Ok(origin) => origin,
            Err(fault) => return Box::pin(std::future::ready(Ok(fault.into_response()))),
        };
        if head.method == Method::POST && routes::model_of(head.uri.path()).is_some() {
            let app = self.app.clone();
            return Box::pin(async move {
                let name = routes::model_of(head.uri.path()).unwrap_or_default();
                Ok(with_origin(routes::of_model(&app, name, &head, body).await, origin))
            });
        }
        if let Some(origin) = origin.clone().filter(|_| head.method == Method::OPTIONS) {
            return Box::pin(std::future::ready(Ok(preflight(origin))));
        }
        let answer = self.router.call(Request::from_parts(head, body));
        Box::pin(async move { Ok(with_origin(answer.await?, origin)) })
    }
}
