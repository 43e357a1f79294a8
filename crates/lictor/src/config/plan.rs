//! What is true? The plan that the gateway runs by; made from a file by `serve`, from flags by `up`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::time::Duration;

use ipnet::IpNet;
use lictor_authn::mtls::Rule;
use lictor_authz::BasePath;
use lictor_model::Secret;

use super::certificate_header::{self, CertificateHeader};
use super::decide::{self, Decide};
use super::limits::Limits;
use super::mail::{self, Mail};
use super::sign_in::{self, SignIn};
use super::tls::{self, Tls};
use super::units::duration;
use super::workspace::{self, Workspace};
use super::written::Section;
use super::{Surroundings, doors, store};
use crate::tls::own::Own;

/// Where nobody chose another name.
const ACCOUNT: &str = "lictor";

/// Everything the gateway must know to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Where clients connect to.
    pub(crate) listen: SocketAddr,
    /// How clients spell us, when it is not what they connect to.
    pub(crate) public_url: Option<PublicUrl>,
    /// TLS of our own listener.
    pub(crate) tls: Option<Tls>,
    /// Where its certificate is our own making, so that it is renewed.
    pub(crate) own_certificate: Option<Own>,
    /// Whose client certificates are whose.
    pub(crate) certificates: Vec<Rule>,
    /// The store; a secret, since it may hold a password.
    pub(crate) store_url: Secret,
    /// At least one; at most one without hosts and prefix (the default).
    pub(crate) workspaces: Vec<Workspace>,
    /// By what a Cloud client calls the account that all of them are in.
    pub(crate) account: String,
    /// Peers whose `X-Forwarded-*` is believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Who may ask for decisions.
    pub(crate) decide: Option<Decide>,
    /// Who passes on its client's certificate.
    pub(crate) certificate_header: Option<CertificateHeader>,
    /// The file that all this was read from, if it was one.
    pub(crate) file: Option<PathBuf>,
    /// Bounds.
    pub(crate) limits: Limits,
    /// The log.
    pub(crate) log: Log,
    /// Who may sign in, and how.
    pub(crate) sign_in: SignIn,
    /// How mail is sent.
    pub(crate) mail: Option<Mail>,
    /// How long a sign-in lasts.
    pub(crate) sessions: Sessions,
    /// Whether browsers may sign in over plain HTTP from other machines than this one.
    pub(crate) allow_plain_http_sessions: bool,
    /// Told the bound address once every listener accepts; for the last lines of `lictor up`.
    pub(crate) listening: Option<Sender<SocketAddr>>,
}

/// `https://host[:port][/path/]`, as browsers and clients spell us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    /// `http` or `https`.
    pub(crate) scheme: String,
    /// `host` or `host:port`, in lower case.
    pub(crate) authority: String,
    /// The path that everything of ours is under.
    pub(crate) base_path: BasePath,
}

impl PublicUrl {
    /// Reads `https://host[:port][/path/]`.
    ///
    /// # Errors
    /// A sentence that says what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || "must be a URL, as in \"https://prefect.example.com\" or \"https://example.com/prefect/\"".to_owned();
        let uri: http::Uri = text.parse().map_err(|_| wrong())?;
        let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme)).ok_or_else(wrong)?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
        if uri.query().is_some() || text.contains('#') {
            return Err(wrong());
        }
        let base_path = BasePath::parse(uri.path()).map_err(|error| error.to_string())?;
        Ok(Self { scheme: scheme.to_owned(), authority: authority.as_str().to_ascii_lowercase(), base_path })
    }

    /// `https://host[:port]`: what a browser calls our origin.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }
}

impl std::fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.origin(), self.base_path.as_str())
    }
}

/// The log's form and level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    /// `text` for people, `json` for programs.
    pub(crate) format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub(crate) level: String,
}

/// How a log line is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// How long a sign-in lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sessions {
    /// Without a request.
    pub(crate) idle: Duration,
    /// In any case.
    pub(crate) absolute: Duration,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { idle: Duration::from_secs(12 * 3_600), absolute: Duration::from_secs(7 * 86_400) }
    }
}

impl Plan {
    /// A plan with one default workspace and every other setting at its default.
    pub(crate) fn with_defaults(listen: SocketAddr, store_url: Secret, workspace: Workspace) -> Self {
        Self {
            listen,
            public_url: None,
            tls: None,
            own_certificate: None,
            certificates: Vec::new(),
            store_url,
            workspaces: vec![workspace],
            account: ACCOUNT.to_owned(),
            trusted_proxies: Vec::new(),
            decide: None,
            certificate_header: None,
            file: None,
            limits: Limits::default(),
            log: Log::default(),
            sign_in: SignIn::default(),
            mail: None,
            sessions: Sessions::default(),
            allow_plain_http_sessions: false,
            listening: None,
        }
    }

    /// What the file makes true; problems are noted on the way, and `None` means that there are some.
    pub(crate) fn from_written(root: &mut Section<'_>, surroundings: Surroundings<'_>) -> Option<Self> {
        let listen = listen(root);
        let public_url = root.text("public_url").map(|found| found.read(|text| PublicUrl::parse(&text)));
        let trusted_proxies = networks(root, "trusted_proxies");
        let decide = decide::read(root.section("decide"), surroundings);
        let allow_plain_http_sessions = root.flag("allow_plain_http_sessions").is_some_and(|found| found.value);
        let is_public = matches!(&public_url, Some(Some(url)) if url.value.scheme == "https");
        let tls = Tls::from_written(root.section("tls"), is_public, surroundings);
        let certificate_header = certificate_header::read(root.section("certificate_header"), surroundings);
        let are_asked_for = certificate_header.is_some() || tls.as_ref().is_some_and(|tls| tls.client.is_some());
        let certificates = tls::rules(root, are_asked_for);
        let store_url = store::url(root, surroundings);
        let workspaces = workspace::all(root, surroundings);
        let base = public_url.as_ref().and_then(Option::as_ref).map(|url| url.value.base_path.clone());
        for workspace in
            workspaces.iter().filter(|one| !doors::is_apart(&one.prefix, &base.clone().unwrap_or_default()))
        {
            let key = format!("workspaces.{}.prefix", workspace.name);
            root.problem(&key, "lies on the path of public_url, under which it is in any case: choose another");
        }
        let account = root.text("account").and_then(|found| found.read(workspace::usable_handle));
        let names: Vec<_> = workspaces.iter().map(|workspace| workspace.name.clone()).collect();
        if let Some(shut) = workspaces.iter().find(|workspace| workspace.needs_certificate && !are_asked_for) {
            let what = "no client is asked for a certificate, so nobody could come in: write [tls.client] with ca_file";
            root.problem(&format!("workspaces.{}.client_certificate", shut.name), what);
        }
        let sign_in = sign_in::from_written(root, surroundings, &names);
        let mail = mail::read(root.section("mail"), surroundings);
        let limits = Limits::from_written(root.section("limits"));
        let log = log(root.section("log"));
        let sessions = sessions(root.section("sessions"));
        root.finish();
        Some(Self {
            listen: listen?,
            public_url: public_url.flatten().map(|found| found.value),
            tls,
            own_certificate: None,
            certificates,
            store_url: store_url?,
            workspaces,
            account: account.map_or_else(|| ACCOUNT.to_owned(), |found| found.value),
            trusted_proxies,
            decide,
            certificate_header,
            file: None,
            limits,
            log,
            sign_in,
            mail,
            sessions,
            allow_plain_http_sessions,
            listening: None,
        })
    }
}

/// How people spell the gateway, read from as little of the file as that takes.
pub(crate) fn address(root: &mut Section<'_>) -> Option<String> {
    let listen = listen(root)?;
    let public_url = root.text("public_url").map(|found| found.read(|text| PublicUrl::parse(&text)));
    let mut tls = root.section("tls");
    let has_tls = tls.text("cert_file").is_some() || !tls.section("acme").is_empty();
    Some(crate::address::of(public_url.flatten().map(|found| found.value).as_ref(), has_tls, listen))
}

fn listen(root: &mut Section<'_>) -> Option<SocketAddr> {
    let Some(found) = root.text("listen") else {
        root.problem("listen", "is missing or unusable: write listen = \"0.0.0.0:4200\"");
        return None;
    };
    let read = found.read(|text| {
        text.parse()
            .map_err(|_| format!("{text:?} is not an address and port: write \"0.0.0.0:4200\" or \"[::]:4200\""))
    });
    read.map(|found| found.value)
}

/// The networks of a list, or single addresses.
pub(super) fn networks(section: &mut Section<'_>, key: &'static str) -> Vec<IpNet> {
    let one = |text: String| {
        let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from));
        net.ok_or_else(|| format!("{text:?} is not a network: write it as \"10.0.0.0/8\" or \"192.0.2.7\""))
    };
    let written = section.texts(key).unwrap_or_default();
    written.into_iter().filter_map(|found| found.read(one)).map(|found| found.value).collect()
}

fn log(mut section: Section<'_>) -> Log {
    let default = Log::default();
    let format = section.text("format").and_then(|found| {
        found.read(|text| match text.as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("must be \"text\" or \"json\"".to_owned()),
        })
    });
    let level = section.text("level").and_then(|found| {
        found.read(|text| match text.as_str() {
            "error" | "warn" | "info" | "debug" | "trace" => Ok(text),
            _ => Err("must be \"error\", \"warn\", \"info\", \"debug\" or \"trace\"".to_owned()),
        })
    });
    section.finish();
    Log {
        format: format.map_or(default.format, |found| found.value),
        level: level.map_or(default.level, |found| found.value),
    }
}

fn sessions(mut section: Section<'_>) -> Sessions {
    let default = Sessions::default();
    let mut read = |key: &'static str| {
        section.text(key).and_then(|found| found.read(|text| duration(&text).map_err(|error| error.to_string())))
    };
    let (idle, absolute) = (read("idle"), read("absolute"));
    section.finish();
    let absolute_value = absolute.map_or(default.absolute, |found| found.value);
    if let Some(idle) = idle.as_ref().filter(|idle| idle.value > absolute_value) {
        idle.problem("is longer than sessions.absolute, which ends every session");
    }
    Sessions { idle: idle.map_or(default.idle.min(absolute_value), |found| found.value), absolute: absolute_value }
}
