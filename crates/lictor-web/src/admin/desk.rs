//! Who sits at the desk, and what do they ask for? Only those who manage something come in.

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use lictor_authn::presence::Connected;
use lictor_authz::{Authority, Deed, Unauthorized};
use lictor_manage::{Administration, ManageError};
use lictor_model::{Identity, Reason};
use lictor_store::Bounds;

use super::kept;
use super::page::{Flash, Frame, Place};
use super::words::{link, sentence};
use crate::answer::Early;
use crate::form::Sent;
use crate::next::Next;
use crate::router::WebState;
use crate::visit::Visit;

/// Whether somebody manages anything, so that the way to these pages is shown to them.
pub(crate) fn administers(web: &WebState, identity: &Identity) -> bool {
    Authority::Caller(identity.seen_as().id.clone()).permit(&Deed::See, &web.auth.view().access).is_ok()
}

/// Somebody who manages something, on one of these pages.
pub(super) struct Desk {
    pub(super) web: WebState,
    pub(super) visit: Visit,
    pub(super) identity: Identity,
    pub(super) admin: Administration,
    asked: Vec<(String, String)>,
    /// The page that this is, or that has the form: where one comes back to.
    here: String,
}

/// The same with a form that they sent.
pub(super) struct Order {
    pub(super) desk: Desk,
    pub(super) sent: Sent,
}

impl FromRequestParts<WebState> for Desk {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &WebState) -> Result<Self, Response> {
        let visit = Visit::from_request_parts(parts, web).await?;
        let asked = Query::<Vec<(String, String)>>::from_request_parts(parts, web).await;
        let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
        // Without what was said to be done: it is not done again. Whatever is no field of a page of ours leads nowhere.
        let is_kept = |name: &str| name != "done" && name.bytes().all(|letter| letter.is_ascii_lowercase());
        let kept = asked.iter().filter(|(name, _)| is_kept(name));
        let kept: Vec<(&str, &str)> = kept.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let here = link(parts.uri.path(), &kept);
        let desk = Self::open(web, visit, (asked, here)).map_err(answer)?;
        desk.admin.come_in().map_err(|error| answer(desk.refuse(&error)))?;
        Ok(desk)
    }
}

impl FromRequest<WebState> for Order {
    type Rejection = Response;

    async fn from_request(request: Request, web: &WebState) -> Result<Self, Response> {
        let path = request.uri().path().to_owned();
        let sent = Sent::from_request(request, web).await?;
        if kept::has_ended(&sent.visit) {
            return Err(kept::page(&sent, &path));
        }
        let desk = Desk::open(web, sent.visit.clone(), (Vec::new(), kept::place_of(&sent, &path))).map_err(answer)?;
        desk.admin.come_in_to_change(&path).await.map_err(|error| answer(desk.refuse(&error)))?;
        // Last, so that nobody confirms who they are for what they may not do anyway.
        if desk.visit.reads_html() && !web.factors.is_confirmed(&desk.identity) {
            return Err(kept::page(&sent, &path));
        }
        desk.visit.confirmed(web, super::PATH).map_err(answer)?;
        Ok(Self { desk, sent })
    }
}

fn answer(early: Early) -> Response {
    axum::response::IntoResponse::into_response(early)
}

impl Desk {
    fn open(web: &WebState, visit: Visit, (asked, here): (Vec<(String, String)>, String)) -> Result<Self, Early> {
        let identity = visit.person_then(web, &Next::read(Some(&here)))?.clone();
        let on = (web.store.clone(), web.clock.clone());
        let by = visit.by(&identity);
        let admin = Administration::of_caller(&identity, by, &web.auth.view(), on, web.workspaces.clone());
        Ok(Self { web: web.clone(), visit, identity, admin, asked, here })
    }

    /// The same as of now, for what takes long: rights and accounts may have gone meanwhile.
    pub(super) fn admin_now(&self) -> Result<Administration, ManageError> {
        let view = self.web.auth.view();
        if view.principal(&self.identity.seen_as().id).is_none_or(|principal| principal.disabled) {
            return Err(Unauthorized::NotAnAdmin.into());
        }
        let on = (self.web.store.clone(), self.web.clock.clone());
        let by = self.visit.by(&self.identity);
        Ok(Administration::of_caller(&self.identity, by, &view, on, self.web.workspaces.clone()))
    }

    /// What the query says of it; empty when it says nothing.
    pub(super) fn asked(&self, name: &str) -> &str {
        self.asked.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The websockets that are open here now and wanted, as far as they are theirs to know of.
    pub(super) fn sockets(&self, is_wanted: impl Fn(&Connected) -> bool) -> Vec<Connected> {
        self.web.presence.of(|one| self.admin.sees(&one.workspace) && is_wanted(one))
    }

    /// Which page of a list is asked for.
    pub(super) fn bounds(&self, limit: u32) -> Bounds {
        let given = |name: &str| Some(self.asked(name).to_owned()).filter(|key| !key.is_empty());
        Bounds { after: given("after"), before: given("before"), ..Bounds::first(limit) }
    }

    /// What stands around the page.
    pub(super) fn frame(&self, here: Place) -> Frame<'_> {
        let nav = Place::ALL.into_iter().filter(|place| self.admin.may(&place.needs())).collect();
        let layout = self.visit.layout(crate::layout::Section::Alone, None);
        // Told before a form is filled in that would then not be taken.
        let confirm = || Next::read(Some(&self.here)).after(crate::confirm::PATH);
        let confirm = (!self.web.factors.is_confirmed(&self.identity)).then(confirm);
        Frame { layout, here, nav, flash: Flash::parse(self.asked("done")), confirm }
    }

    /// The answer to what was not done or cannot be shown.
    pub(super) fn refuse(&self, error: &ManageError) -> Early {
        let reason = error.reason();
        if reason.status() >= 500 {
            tracing::warn!(%error, "an admin page could not be made");
            return self.visit.refuse(reason).into();
        }
        let status = StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        self.visit.say(status, reason, &sentence(error)).into()
    }

    /// What is to be changed in a form; a refusal and a store that is away are no fault of a form's.
    pub(super) fn fault(&self, error: &ManageError) -> Result<String, Early> {
        let reason = error.reason();
        if reason == Reason::PermissionDenied || reason.status() >= 500 {
            return Err(self.refuse(error));
        }
        Ok(sentence(error))
    }

    /// That there is no such thing.
    pub(super) fn missing(&self, detail: &str) -> Early {
        self.visit.say(StatusCode::NOT_FOUND, Reason::NotFound, detail).into()
    }

    /// Sends the browser on to a page that says what was done; what was changed holds here from now on.
    pub(super) async fn done(&self, link: &str, flash: Flash) -> Response {
        self.web.auth.refresh().await;
        let joint = if link.contains('?') { '&' } else { '?' };
        self.visit.see_other(&format!("{link}{joint}done={}", flash.code()))
    }
}
