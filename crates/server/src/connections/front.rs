//! Where a request goes: one for predictions straight to its handler, every other one by the router.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::app::App;
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
        if request.method() != Method::POST || routes::model_of(request.uri().path()).is_none() {
            return Box::pin(self.router.call(request));
        }
        let app = self.app.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let name = routes::model_of(head.uri.path()).unwrap_or_default();
            Ok(routes::of_model(&app, name, &head.headers, body).await)
        })
    }
}
