//! How do our own pages get made, when a slow database must not stall a data thread? On the background runtime.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use lictor_model::Reason;

use crate::body::{BodyError, ResponseBody};

/// The body of one of our pages.
pub type PageBody = Pin<Box<dyn Body<Data = Bytes, Error = BodyError> + Send>>;
type Answer = Pin<Box<dyn Future<Output = Response<PageBody>> + Send>>;

/// The pages, wherever they are made. lictor-proxy does not know lictor-web; the program brings them together.
#[derive(Clone)]
pub struct Pages {
    render: Arc<dyn Fn(Request<Incoming>) -> Answer + Send + Sync>,
    background: tokio::runtime::Handle,
}

impl Pages {
    /// Pages made by `render` on the background runtime.
    pub fn new<F, A>(background: tokio::runtime::Handle, render: F) -> Self
    where
        F: Fn(Request<Incoming>) -> A + Send + Sync + 'static,
        A: Future<Output = Response<PageBody>> + Send + 'static,
    {
        Self { render: Arc::new(move |request| Box::pin(render(request))), background }
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Result<Response<ResponseBody>, Reason> {
        match self.background.spawn((self.render)(request)).await {
            Ok(response) => Ok(response.map(ResponseBody::Page)),
            Err(error) => {
                tracing::error!(%error, "a page of ours failed");
                Err(Reason::InternalError)
            }
        }
    }
}
