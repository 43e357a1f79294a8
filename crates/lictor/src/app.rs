//! How does it all fit together? The composition root: store, authentication, pages and data path, wired and run.
//!
//! Two worlds: data threads, each with its own runtime, that never wait for anything but a client or Prefect; and one
//! background runtime for the store, password hashing, audit commits and our own pages.

mod certificates;
mod doors;
mod mailing;
mod notices;
mod providers;
mod signals;

pub(crate) use providers::SEAL_SECRET;

use std::io::IsTerminal;
use std::sync::Arc;

use lictor_authn::factors::Factors;
use lictor_authn::jwt::IssuerError;
use lictor_authn::oidc::{SignOn, SignOnStartError};
use lictor_authn::presence::Presence;
use lictor_authn::{Authenticator, Options, SealError, StartError};
use lictor_authz::Doors;
use lictor_model::{Clock, Secret, WorkspaceName};
use lictor_proxy::access_log::{self, AccessLog};
use lictor_proxy::drain::Drain;
use lictor_proxy::listener::{ListenError, Threads};
use lictor_proxy::metrics::Metrics;
use lictor_proxy::page_token::PageTokens;
use lictor_proxy::pages::{PageBody, Pages};
use lictor_proxy::recorder::Recorder;
use lictor_proxy::redirect;
use lictor_proxy::tls::Tls as Listener;
use lictor_proxy::upstream::{self, Replica};
use lictor_proxy::websocket::Places;
use lictor_proxy::{Gateway, Settings};
use lictor_store::{Store, StoreError};
use tower::ServiceExt;

use crate::acme::{self, AcmeError, Begun};
use crate::address;
use crate::config::tls::Certificate;
use crate::config::{LogFormat, Plan, PublicUrl};
use crate::tls::upstream::RouteError;
use crate::tls::watch::{Stamp, Subject, Watch, current, tell};
use crate::tls::{self, TlsError};

/// Threads of the background runtime; password hashing has its own, bounded.
const BACKGROUND_THREADS: usize = 2;

/// The gateway could not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    /// The store cannot be opened.
    #[error("cannot open the store: {0}")]
    Store(#[from] StoreError),
    /// The first view of it cannot be loaded.
    #[error("cannot load people, keys and grants: {0}")]
    Authenticator(#[from] StartError),
    /// Single sign-on cannot begin.
    #[error("single sign-on cannot begin: {0}")]
    SignOn(#[from] SignOnStartError),
    /// An issuer of tokens cannot be trusted as configured.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// Second factors cannot be kept.
    #[error("second factors cannot be kept: {0}")]
    Seal(#[from] SealError),
    /// The system gives no thread or runtime.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
    /// The address cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// No secret can be made.
    #[error("the system gives no randomness: {0}")]
    Randomness(#[source] getrandom::Error),
    /// No way to an upstream.
    #[error("workspaces.{workspace}.upstream: {source}")]
    Route {
        /// Of which workspace.
        workspace: WorkspaceName,
        /// Why.
        source: RouteError,
    },
    /// No secret for single sign-on.
    #[error("{0}")]
    Entropy(#[from] lictor_model::key::EntropyError),
    /// Certificates of the mail server.
    #[error("mail: {0}")]
    Mail(#[from] crate::mail::MailError),
    /// Certificate or key.
    #[error("{key}: {0}", key = .0.key())]
    Tls(#[from] TlsError),
    /// No way to a certificate authority.
    #[error("tls.acme: {0}")]
    Acme(#[from] AcmeError),
}

/// Runs the gateway until it is told to stop, then lets what is under way come to its end.
///
/// # Errors
/// [`AppError`] when it cannot begin.
pub(crate) fn run(plan: Plan) -> Result<(), AppError> {
    start_log(&plan);
    let clock = Clock::system();
    let background = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(BACKGROUND_THREADS)
        .thread_name("background")
        .enable_all()
        .build()?;
    let store = background.block_on(Store::open(plan.store_url.expose(), clock.clone()))?;
    let auth = background.block_on(Authenticator::start(
        store.clone(),
        clock.clone(),
        background.handle().clone(),
        options(&plan),
    ))?;
    auth.check_break_glass();
    let secret = background.block_on(providers::secret(&store, &plan.sign_in))?;
    let sign_on = background.block_on(providers::start(&auth, &secret, &plan.sign_in))?;
    let factors = Factors::start(auth.clone(), &secret, plan.sign_in.factors.clone())?;
    let page_tokens = background.block_on(page_tokens(&store))?;
    let metrics = Arc::new(Metrics::default());
    let issuing = background.block_on(issuing(&plan, &store, &secret, &clock, &metrics))?;
    let (listener, mut watches) = watch(&plan, &metrics, &clock, issuing.as_ref())?;
    let doors = background.block_on(doors::of(&plan, &store))?;
    let mut settings = settings(&plan, doors.clone(), listener)?;
    settings.challenges = issuing.as_ref().map(|begun| Arc::clone(&begun.challenges));
    settings.certificate_header = certificates::passed(&plan, &metrics, &clock, &mut watches)?;
    let (drain, presence) = (Drain::default(), Presence::default());
    let gateway = Arc::new(Gateway {
        places: Places::new(&settings.limits, presence.clone()),
        recorder: Recorder::start(store.clone(), background.handle()),
        access_log: AccessLog::start(access_format(&plan), std::io::stderr())?,
        metrics,
        page_tokens,
        pages: pages(
            &plan,
            doors,
            (auth.clone(), sign_on, factors, presence),
            (store.clone(), clock.clone()),
            background.handle(),
        ),
        auth: auth.clone(),
        drain: drain.clone(),
        clock,
        settings,
    });
    let signals = background.block_on(signals::Signals::listen())?;
    let threads = Threads::start(&gateway)?;
    start_beside(&plan, &gateway, &store, (issuing, watches), background.handle())?;
    if let Some(listening) = &plan.listening {
        // Nobody may be waiting for it any more.
        let _ = listening.send(threads.address);
    }
    let address = address::of(plan.public_url.as_ref(), plan.tls.is_some(), threads.address);
    background.block_on(address::note(&store, &address))?;
    if let Some(mail) = &plan.mail {
        mailing::keep_sending(mail, address, store.clone(), gateway.clock.clone(), background.handle())?;
    }
    tracing::info!(address = %threads.address, version = env!("CARGO_PKG_VERSION"), "listening");

    background.block_on(signals.received());
    tracing::info!("stopping: nothing new is taken, and what is under way comes to its end");
    drain.begin();
    threads.join();
    background.block_on(auth.flush());
    Ok(())
}

/// What goes on beside the requests until the end: probes, renewals, notices.
fn start_beside(
    plan: &Plan,
    gateway: &Arc<Gateway>,
    store: &Store,
    (issuing, watches): (Option<Begun>, Vec<Watch>),
    background: &tokio::runtime::Handle,
) -> Result<(), AppError> {
    notices::keep_telling(store.clone(), gateway.clock.clone(), background);
    upstream::start_prober(&gateway.settings.workspaces, background);
    if let Some(address) = plan.tls.as_ref().and_then(|tls| tls.redirect_from) {
        redirect::start(gateway, address, background)?;
        tracing::info!(%address, "plain HTTP is redirected");
    }
    if let Some(begun) = issuing {
        begun.start(background)?;
    }
    for watch in watches {
        watch.start(background)?;
    }
    Ok(certificates::keep_reading(&gateway.auth, plan, background)?)
}

/// Links to pages are good on every replica, so the first one chooses the secret.
async fn page_tokens(store: &Store) -> Result<PageTokens, AppError> {
    let fresh = PageTokens::fresh_secret().map_err(AppError::Randomness)?;
    Ok(PageTokens::new(&Secret::new(store.meta_get_or_set("page-token-secret", fresh.expose()).await?)))
}

fn start_log(plan: &Plan) {
    let filter = tracing_subscriber::EnvFilter::try_new(format!("{},sqlx=warn", plan.log.level)).unwrap_or_default();
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter);
    // A second start in one process (tests) keeps the first log.
    let _ = match plan.log.format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}

/// The log of a command that has no configuration: for people, on standard error.
pub(crate) fn start_plain_log() {
    let ansi = std::io::stderr().is_terminal();
    // A second start in one process (tests) keeps the first log.
    let _ = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(ansi).with_target(false).try_init();
}

const fn access_format(plan: &Plan) -> access_log::Format {
    match plan.log.format {
        LogFormat::Text => access_log::Format::Text,
        LogFormat::Json => access_log::Format::Json,
    }
}

fn options(plan: &Plan) -> Options {
    Options {
        session_idle: plan.sessions.idle,
        session_absolute: plan.sessions.absolute,
        certificate_rules: plan.certificates.clone(),
        passwords: plan.sign_in.passwords.clone(),
        password_alone: plan.sign_in.password_alone,
        ..Options::default()
    }
}

/// What an authority issues our certificate by, where one does.
async fn issuing(
    plan: &Plan,
    store: &Store,
    secret: &Secret,
    clock: &Clock,
    metrics: &Arc<Metrics>,
) -> Result<Option<Begun>, AppError> {
    let Some((tls, Certificate::Acme(acme))) = plan.tls.as_ref().map(|tls| (tls, &tls.certificate)) else {
        return Ok(None);
    };
    Ok(Some(acme::begin((tls, acme), store.clone(), secret, clock.clone(), Arc::clone(metrics)).await?))
}

/// The terms of TLS as the files have them now, and who keeps them so.
fn watch(
    plan: &Plan,
    metrics: &Arc<Metrics>,
    clock: &Clock,
    issuing: Option<&Begun>,
) -> Result<(Option<Arc<Listener>>, Vec<Watch>), AppError> {
    let Some(tls) = plan.tls.clone() else { return Ok((None, Vec::new())) };
    let seen = Stamp::of_files(tls.files());
    let loaded = current(&tls, issuing.map(|begun| begun.in_force.as_ref()))?;
    tell(&loaded, metrics, clock.now());
    let listener = Arc::new(Listener::new(loaded.terms, loaded.clients));
    let issued = issuing.map(|begun| (Arc::clone(&begun.in_force), Arc::clone(&begun.changed)));
    let own = plan.own_certificate.clone();
    let subject = Subject::Listener { tls: Box::new(tls), listener: Arc::clone(&listener), own, issued };
    let watch = Watch { subject, metrics: Arc::clone(metrics), clock: clock.clone(), seen };
    Ok((Some(listener), vec![watch]))
}

fn settings(plan: &Plan, doors: Doors, tls: Option<Arc<Listener>>) -> Result<Settings, AppError> {
    let workspaces = plan.workspaces.iter().map(|workspace| {
        let (name, auth_string) = (workspace.name.clone(), workspace.auth_string.clone());
        let replicas = workspace.upstreams().map(|upstream| tls::upstream::route(upstream).map(Replica::new));
        let upstreams =
            replicas.collect::<Result<_, _>>().map_err(|source| AppError::Route { workspace: name.clone(), source })?;
        let needs_certificate = workspace.needs_certificate;
        Ok(lictor_proxy::Workspace { name, upstreams, auth_string, needs_certificate })
    });
    let workspaces = workspaces.collect::<Result<_, AppError>>()?;
    let limits = lictor_proxy::Limits {
        body_bytes: plan.limits.body_bytes,
        header_bytes: plan.limits.header_bytes,
        sockets: plan.limits.sockets,
        sockets_per_principal: plan.limits.sockets_per_principal,
        upstream_requests: plan.limits.upstream_connections,
        ..lictor_proxy::Limits::default()
    };
    Ok(Settings {
        listen: plan.listen,
        public_url: plan.public_url.as_ref().map(PublicUrl::origin),
        doors,
        account: plan.account.clone(),
        tls,
        workspaces,
        trusted_proxies: plan.trusted_proxies.clone(),
        decide: plan
            .decide
            .as_ref()
            .map(|decide| lictor_proxy::Decide { proxies: decide.proxies.clone(), token: decide.token }),
        challenges: None,
        certificate_header: None,
        limits,
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    })
}

/// What the admin pages tell of a workspace.
fn facts(workspace: &crate::config::Workspace) -> lictor_web::WorkspaceFacts {
    let (name, hosts) = (workspace.name.clone(), workspace.hosts.clone());
    let upstreams = workspace.upstreams().map(ToString::to_string).collect();
    lictor_web::WorkspaceFacts { name, hosts, prefix: workspace.prefix.as_str().to_owned(), upstreams }
}

/// Brings pages and data path together, which do not know each other.
fn pages(
    plan: &Plan,
    doors: Doors,
    (auth, sign_on, factors, presence): (Authenticator, SignOn, Factors, Presence),
    (store, clock): (Store, Clock),
    background: &tokio::runtime::Handle,
) -> Pages {
    let workspaces = plan.workspaces.iter().map(|workspace| workspace.name.clone()).collect();
    let workspace_facts = plan.workspaces.iter().map(facts).collect();
    let allow_plain_http = plan.allow_plain_http_sessions;
    let doors = Arc::new(doors);
    let state = lictor_web::WebState {
        auth,
        sign_on,
        factors,
        presence,
        store,
        clock,
        workspaces,
        doors,
        workspace_facts,
        allow_plain_http,
    };
    let router = lictor_web::router(state);
    Pages::new(background.clone(), move |request| {
        let router = router.clone();
        async move {
            let response = match router.oneshot(request.map(axum::body::Body::new)).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            response.map(|body| -> PageBody { Box::pin(http_body_util::BodyExt::map_err(body, Into::into)) })
        }
    })
}
