//! Which API keys have I? Listed with their last use; made, and shown once; revoked. Only one's own.

mod revoke;
pub(crate) mod wish;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_model::{ApiKey, Identity, Reason, Timestamp, WorkspaceName};
use lictor_store::{KeyRow, NewKey, StoreError};

use crate::answer::{self, Early};
use crate::form::Sent;
use crate::layout::{Layout, Section};
use crate::next::{Asked, Next};
use crate::router::WebState;
use crate::sessions::away;
use crate::setup::{Client, RECIPES, Snippet};
use crate::visit::Visit;
use crate::when::minute;
use crate::workspaces::{Mine, first_choice, mine as mine_of, names};

pub(crate) use revoke::{ask as ask_to_revoke, submit as revoke};
use wish::{Choice, EXPIRIES, Wish};

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/account/keys";
/// Keys that are good at once, of one person: each is held in memory by every replica.
const MOST: usize = 100;

#[derive(Template)]
#[template(path = "keys.html")]
struct Page<'a> {
    layout: Layout<'a>,
    good: Vec<Shown>,
    over: Vec<Shown>,
    workspaces: Vec<WorkspaceName>,
    expiries: &'static [Choice],
    wish: Wish,
    /// Where to before a key is made; empty for nowhere.
    confirm: String,
}

#[derive(Template)]
#[template(path = "key_made.html")]
struct Made<'a> {
    layout: Layout<'a>,
    label: &'a str,
    key: &'a str,
    ends: String,
    limits: String,
    recipes: Vec<(&'static str, &'static str, Vec<Snippet>)>,
}

/// A key as the pages show it.
struct Shown {
    id: String,
    label: String,
    masked: String,
    limits: String,
    created: String,
    ends: String,
    state: &'static str,
    last_use: String,
}

/// `GET /lictor/account/keys`
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    let identity = visit.person(&web)?;
    let mine = of(&web, &visit, identity).await?;
    let (layout, workspaces) = (visit.layout(Section::Keys, asked.done()), mine_of(&web, &visit, identity));
    let frame = Frame { layout, workspaces: &workspaces, confirm: confirm(&web, &visit, identity) };
    Ok(page(StatusCode::OK, &web, frame, &mine, Wish::default()))
}

/// `POST /lictor/account/keys`
pub(crate) async fn make(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let identity = visit.confirmed(&web, PATH)?;
    let workspaces = mine_of(&web, visit, identity);
    let mut wish = Wish::read(&sent, EXPIRIES, &names(&workspaces), web.clock.now());
    match mint(&web, visit, identity, &mut wish).await? {
        Some((secret, made)) => Ok(made_page(visit, identity, &workspaces, &secret, &made)),
        None => {
            let (mine, layout) = (of(&web, visit, identity).await?, visit.layout(Section::Keys, None));
            let frame = Frame { layout, workspaces: &workspaces, confirm: String::new() };
            Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &web, frame, &mine, wish))
        }
    }
}

/// Makes the key that a form asks for; `None` when something is wrong with the wish, which then says what.
pub(crate) async fn mint(
    web: &WebState,
    visit: &Visit,
    identity: &Identity,
    wish: &mut Wish,
) -> Result<Option<(ApiKey, KeyRow)>, Early> {
    check_room(web, visit, identity, wish).await?;
    if !wish.problems.is_none() {
        return Ok(None);
    }
    let secret = ApiKey::generate().map_err(|error| {
        tracing::error!(%error, "no key can be made");
        visit.refuse(Reason::InternalError)
    })?;
    let new = NewKey {
        principal: identity.principal.name.clone(),
        label: wish.label.clone(),
        digest: secret.digest(),
        hint: secret.hint(),
        expires_at: wish.ends_at,
        narrowing: wish.narrowing.clone(),
    };
    match web.store.add_key(&visit.by(identity), new).await {
        Ok(made) => {
            web.auth.refresh().await;
            Ok(Some((secret, made)))
        }
        Err(error @ StoreError::KeyOutlivesRole { .. }) => {
            wish.problems.expires = Some(error.to_string());
            Ok(None)
        }
        Err(error) => Err(away(visit, &error)),
    }
}

/// One more key, and not too many.
pub(crate) async fn check_room(
    web: &WebState,
    visit: &Visit,
    identity: &Identity,
    wish: &mut Wish,
) -> Result<(), Early> {
    let (mine, now) = (of(web, visit, identity).await?, web.clock.now());
    if mine.iter().filter(|key| state(key, now) == "active").count() >= MOST {
        wish.problems.whole = Some(format!("You have {MOST} keys already. Revoke some that are not in use first."));
    }
    Ok(())
}

fn made_page(visit: &Visit, identity: &Identity, mine: &[Mine], secret: &ApiKey, made: &KeyRow) -> Response {
    let workspace = first_choice(mine, visit, made.narrowing.as_ref());
    let api = workspace.and_then(|one| one.api(visit));
    let api = api.unwrap_or_else(|| format!("{}{}", visit.caller.origin, visit.at("/api")));
    let client = Client { api: &api, name: identity.principal.name.as_str(), key: secret.expose() };
    let page = Made {
        layout: visit.layout(Section::Keys, None),
        label: &made.label,
        key: secret.expose(),
        ends: ends(made),
        limits: limits(made),
        recipes: RECIPES.iter().map(|recipe| (recipe.title, recipe.note, recipe.snippets(client))).collect(),
    };
    answer::page(StatusCode::OK, &page)
}

/// The person's keys, the newest first.
async fn of(web: &WebState, visit: &Visit, identity: &Identity) -> Result<Vec<KeyRow>, Early> {
    let of = web.store.list_keys(Some(&identity.principal.name)).await;
    let mut keys = of.map_err(|error| away(visit, &error))?;
    keys.retain(|key| key.principal == identity.principal.id);
    keys.reverse();
    Ok(keys)
}

/// Nobody fills in a form that then is not taken.
fn confirm(web: &WebState, visit: &Visit, identity: &Identity) -> String {
    if web.factors.is_confirmed(identity) {
        return String::new();
    }
    visit.at(&Next::read(Some(PATH)).after(crate::confirm::PATH))
}

/// What surrounds the keys on their page.
struct Frame<'a> {
    layout: Layout<'a>,
    workspaces: &'a [Mine],
    confirm: String,
}

fn page(
    status: StatusCode,
    web: &WebState,
    Frame { layout, workspaces, confirm }: Frame<'_>,
    mine: &[KeyRow],
    wish: Wish,
) -> Response {
    let now = web.clock.now();
    let (good, over): (Vec<_>, Vec<_>) = mine.iter().map(|key| shown(key, now)).partition(|key| key.state == "active");
    let workspaces = names(workspaces);
    answer::page(status, &Page { layout, good, over, workspaces, expiries: EXPIRIES, wish, confirm })
}

fn shown(key: &KeyRow, now: Timestamp) -> Shown {
    let used = key.last_used.as_ref().map(|used| {
        let client =
            if used.client_version.is_empty() { String::new() } else { format!(", Prefect {}", used.client_version) };
        format!("{} from {}{client}", minute(used.at), used.client_ip)
    });
    Shown {
        id: key.id.to_string(),
        label: if key.label.is_empty() { "without a label".to_owned() } else { key.label.clone() },
        masked: format!("lictor_…{}", key.hint),
        limits: limits(key),
        created: minute(key.created_at),
        ends: ends(key),
        state: state(key, now),
        last_use: used.unwrap_or_else(|| "never".to_owned()),
    }
}

fn ends(key: &KeyRow) -> String {
    match (key.expires_at, &key.ended_by) {
        (None, _) => "never".to_owned(),
        (Some(end), None) => minute(end),
        (Some(end), Some(role)) => format!("{} (the role {role} lets no key grow older)", minute(end)),
    }
}

fn limits(key: &KeyRow) -> String {
    key.narrowing.as_ref().map_or_else(|| "all that you may".to_owned(), ToString::to_string)
}

fn state(key: &KeyRow, now: Timestamp) -> &'static str {
    key.state(now).as_str()
}
