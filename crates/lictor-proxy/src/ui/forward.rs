//! How is something of Prefect's outside its API answered? A page with our script in it, settings that point here, files to keep.

use http::header;
use http::{Method, Response};
use lictor_authz::{Permit, surface};
use lictor_model::{Identity, Reason};

use super::prefix::{Kind, Linked, Linker};
use super::{dress, dress_asset, is_html, page, rewrite_settings};
use crate::body::ResponseBody;
use crate::forward::Rewriting;
use crate::gateway::{Arrival, DataThread};
use crate::headers;
use crate::refusal::Refusal;
use crate::story::Story;

impl DataThread {
    /// Sends the request to Prefect, and makes of the answer what a browser here needs.
    pub(crate) async fn forward_root(
        &self,
        permit: Permit,
        story: &mut Story,
        arrival: Arrival<'_>,
        identity: Option<&Identity>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let operation = permit.operation();
        if *operation == surface::UI_ASSET {
            return self.asset(permit, story, arrival).await;
        }
        let (base, path) = (self.base(&arrival.target), permit.path().to_owned());
        let mut response = if *operation == surface::UI_SETTINGS {
            let rewrite = Rewriting::json(|body| rewrite_settings(body, &base));
            self.rewritten(permit, story, arrival, identity, rewrite).await?
        } else if *operation == surface::UI_PAGE {
            let with_script =
                |body: &[u8]| Some(page::with_script(body, &path, &base, self.gateway.settings.base_path()));
            let rewrite = Rewriting { applies: is_html, largest: page::LARGEST, rewrite: with_script };
            self.rewritten(permit, story, arrival, identity, rewrite).await?
        } else {
            let linked = |body: &[u8]| Some(Linker::whole(Kind::Html, base.as_str(), body).into());
            let rewrite = Rewriting { applies: is_html, largest: page::LARGEST, rewrite: linked };
            self.rewritten(permit, story, arrival, identity, rewrite).await?
        };
        dress(operation, response.headers_mut());
        Ok(response)
    }

    /// A static file. Under a prefix, style sheets and scripts name it where they name the root.
    async fn asset(
        &self,
        permit: Permit,
        story: &mut Story,
        arrival: Arrival<'_>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let (base, path) = (self.base(&arrival.target), permit.path().to_owned());
        let is_head = arrival.request.method() == Method::HEAD;
        let may_link = !base.is_root() && (path.ends_with(".css") || path.ends_with(".js"));
        if may_link {
            headers::ask_for_plain_body(arrival.request.headers_mut());
        }
        let mut response = self.exchange(permit, story, arrival, None).await?;
        // Where there is no such file, Prefect answers a navigation with the start of its UI: a page that nobody signed in for.
        if is_html(response.headers()) {
            return Err(Reason::NotFound.into());
        }
        dress_asset(&path, response.status().as_u16(), response.headers_mut());
        let Some(kind) = Kind::of(response.headers()).filter(|_| may_link && response.status() == 200) else {
            return Ok(response.map(ResponseBody::Upstream));
        };
        headers::forget_body(response.headers_mut());
        response.headers_mut().remove(header::ACCEPT_RANGES);
        if is_head {
            return Ok(response.map(ResponseBody::Upstream));
        }
        let linker = Linker::new(kind, base.as_str());
        Ok(response.map(|body| ResponseBody::Linked(Linked::new(body, linker))))
    }
}
