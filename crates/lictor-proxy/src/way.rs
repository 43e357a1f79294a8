//! Where does a request lead, and how does its caller spell that? The workspace, the way to its Prefect, and addresses to answer with.

use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode};
use lictor_authz::{BasePath, Door, deny_nowhere};
use lictor_model::Reason;

use crate::body::ResponseBody;
use crate::gateway::{Arrival, DataThread};
use crate::refusal::Refusal;
use crate::settings::{Settings, Workspace};
use crate::story::{Story, label};
use crate::target::{self, Target};
use crate::upstream::Upstream;

/// The one of our own pages that tells of a workspace, and so is asked for at the workspace's own address.
const OF_A_WORKSPACE: &str = "/lictor/me";
/// Where a person finds the workspaces, when there is none at the root.
const START: &str = "/lictor/account";

impl DataThread {
    /// The workspace, if the address names one.
    pub(crate) fn found(&self, target: &Target) -> Option<&Workspace> {
        self.gateway.settings.workspaces.get(target.workspace?)
    }

    /// The workspace.
    ///
    /// # Errors
    /// [`Reason::NotFound`].
    pub(crate) fn workspace(&self, target: &Target) -> Result<&Workspace, Reason> {
        self.found(target).ok_or(Reason::NotFound)
    }

    /// The way to the workspace's Prefect.
    ///
    /// # Errors
    /// [`Reason::NotFound`].
    pub(crate) fn upstream(&self, target: &Target) -> Result<&Upstream, Reason> {
        target.workspace.and_then(|at| self.upstreams.get(at)).ok_or(Reason::NotFound)
    }

    /// How the caller spells a path of the workspace's Prefect.
    pub(crate) fn outside(&self, target: &Target) -> impl Fn(&str) -> String + use<'_> {
        let (doors, workspace, door) = (&self.gateway.settings.doors, target.workspace, target.door.clone());
        move |path| doors.outside(workspace, &door, path)
    }

    /// What stands before a page of the workspace's UI, as browsers spell it.
    pub(crate) fn base(&self, target: &Target) -> BasePath {
        let doors = &self.gateway.settings.doors;
        let address = target.workspace.and_then(|at| doors.addresses.get(at));
        address.map_or_else(|| doors.base.clone(), |address| doors.base.joined(&address.prefix))
    }

    /// Scheme and host as the caller's browser sees them.
    pub(crate) fn origin(&self, arrival: &Arrival<'_>) -> String {
        let scheme = if arrival.origin.secure { "https" } else { "http" };
        let Settings { public_url, doors, .. } = &self.gateway.settings;
        // A workspace's own host is another origin than the public one.
        let is_other = || doors.has_own(&target::bare(&arrival.target.host));
        let public = public_url.as_ref().filter(|_| !is_other());
        public.cloned().unwrap_or_else(|| format!("{scheme}://{}", arrival.target.host))
    }

    /// Answers where there is no workspace. By ids that are no workspace's as where the caller has no grant, so that nobody learns
    /// which there are.
    pub(crate) async fn nowhere(
        &self,
        story: &mut Story,
        incoming: &Arrival<'_>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        story.is_about(label::UNKNOWN);
        let identity = self.identify(story, incoming).await?.ok_or(Reason::AuthenticationRequired)?;
        self.check_session(&identity, incoming)?;
        if incoming.target.door != Door::Plain {
            return Err(deny_nowhere(Some(&identity)).into());
        }
        let is_start = incoming.request.method() == Method::GET && incoming.target.path.as_str() == "/";
        if is_start {
            Ok(sent_on(&self.gateway.settings.base_path().prepended(START)))
        } else {
            Err(Reason::NotFound.into())
        }
    }

    /// Our own pages are at the root, where one address serves every workspace: under a workspace's prefix they are asked for
    /// by mistake. `None` is where they are.
    pub(crate) fn ours_elsewhere(&self, incoming: &Arrival<'_>) -> Option<Result<Response<ResponseBody>, Refusal>> {
        let (target, base) = (&incoming.target, self.gateway.settings.base_path());
        if self.base(target) == *base || target.path.as_str() == OF_A_WORKSPACE {
            return None;
        }
        let is_read = matches!(*incoming.request.method(), Method::GET | Method::HEAD);
        let there = || sent_on(&base.prepended(&target.path_and_query()));
        Some(is_read.then(there).ok_or(Refusal::from(Reason::NotFound)))
    }
}

/// To another place, with `GET`.
pub(crate) fn sent_on(place: &str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Canonical paths and checked queries are visible ASCII.
    if let Ok(place) = HeaderValue::from_str(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}
