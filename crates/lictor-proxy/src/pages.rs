//! How do our own pages get made, when a slow database must not stall a data thread? On the background runtime.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use lictor_authn::Caller;
use lictor_model::{Reason, WorkspaceName};

use crate::body::{BodyError, ResponseBody};
use crate::gateway::Arrival;

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

    pub(crate) async fn answer(
        &self,
        arrival: Arrival<'_>,
        caller: Caller,
        workspace: Option<WorkspaceName>,
    ) -> Result<Response<ResponseBody>, Reason> {
        let mut page = for_page(arrival)?;
        page.extensions_mut().insert(caller);
        if let Some(workspace) = workspace {
            page.extensions_mut().insert(workspace);
        }
        match self.background.spawn((self.render)(page)).await {
            Ok(response) => Ok(response.map(ResponseBody::Page)),
            Err(error) => {
                tracing::error!(%error, "a page of ours failed");
                Err(Reason::InternalError)
            }
        }
    }
}

/// The request as our own pages get it, at the path that was matched; who is calling, and the workspace that their address names,
/// go into its extensions.
fn for_page(arrival: Arrival<'_>) -> Result<Request<Incoming>, Reason> {
    let Arrival { request: asked, target, .. } = arrival;
    let mut page = Request::new(asked.body_mut().take().ok_or(Reason::InternalError)?);
    *page.method_mut() = asked.method().clone();
    *page.uri_mut() = target.path_and_query().parse().map_err(|_| Reason::AmbiguousPath)?;
    *page.headers_mut() = asked.headers().clone();
    Ok(page)
}
