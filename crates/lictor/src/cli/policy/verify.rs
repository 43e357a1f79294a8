//! Does the table judge all that the running Prefect Server can do?

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use lictor_authz::Operation;
use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::printed::{Printed, plain};
use crate::cli::target::{Place, Target};
use crate::cli::upstreams::upstreams;
use crate::config::{Upstream, Workspace};
use crate::doctor::answers::{self, Support};
use crate::doctor::handshake::HandshakeError;
use crate::probe::{self, ProbeError};
use crate::routes::app::{self, App, AppError};
use crate::routes::sockets::{self, Presence};
use crate::routes::{Comparison, Route, add, compare, openapi};
use crate::supervise::find;

pub(super) const HELP: &str = "\
What a server has and the table does not is refused by Lictor (unknown-operation), so a new
Prefect is safe, but what is new in it does not work until a newer Lictor knows it.

HTTP routes are those of the server's own /openapi.json. Sockets are in no OpenAPI: each of
the table's is asked for by an upgrade and hung up at once. With --python, Prefect's own app
lists all of its routes, new sockets and those outside the API included; it must be of the
server's version. The environment that `lictor up` installed is found by itself.

Rows of the table that the server lacks are of other versions of Prefect: for information.

Exit code 0: every route is judged; 3: some are not; 1: the server could not be asked.

Examples:
  lictor policy verify
  lictor policy verify --config lictor.toml --workspace main --python /opt/prefect/bin/python";

const VERSION_PATH: &str = "/api/admin/version";
const UNJUDGED: u8 = 3;
/// A server makes its openapi.json when it is first asked: many seconds of a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `lictor policy verify`
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Only this workspace; otherwise all of them.
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
    /// The Python that runs that Prefect Server.
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
}

/// A server that could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    /// Nothing usable came back.
    #[error("{at}: {source}; start Prefect Server, or correct its address")]
    Probe {
        /// Where.
        at: String,
        /// Why.
        source: ProbeError,
    },
    /// A socket could not be tried.
    #[error("{at}: a socket could not be tried: {source}")]
    Socket {
        /// Where.
        at: String,
        /// Why.
        source: HandshakeError,
    },
    /// It knows another credential.
    #[error(
        "{at} refuses Lictor's credential (HTTP {status}): give it the server's PREFECT_SERVER_API_AUTH_STRING (in a file, by auth_string_file; for `lictor up --upstream`, in LICTOR_UPSTREAM_AUTH_STRING)"
    )]
    Refused {
        /// Where.
        at: String,
        /// How.
        status: u16,
    },
    /// Another answer than Prefect's.
    #[error("{at} answers HTTP {status} on {path}, and not as a Prefect Server does")]
    NotPrefect {
        /// Where.
        at: String,
        /// How.
        status: u16,
        /// On which path.
        path: &'static str,
    },
    /// The app could not be asked.
    #[error(transparent)]
    App(#[from] AppError),
    /// Another Prefect than the server's.
    #[error("{} has Prefect {there}, and {at} is {here}: give the Python that runs that server", python.display())]
    OtherVersion {
        /// Which Python.
        python: PathBuf,
        /// Its Prefect.
        there: String,
        /// Where the server is.
        at: String,
        /// The server's version.
        here: String,
    },
}

/// What was found out about one server.
struct Found {
    workspace: Workspace,
    version: String,
    by_app: bool,
    comparison: Comparison,
    sockets: Vec<(&'static Operation, Presence)>,
    note: Option<String>,
}

impl Verify {
    /// Asks, and compares.
    pub(crate) fn run(self, target: &Target) -> Result<Printed, CliError> {
        let workspaces = upstreams(target, self.workspace.as_deref())?;
        // That of `lictor up`, whose server need not run by it.
        let own = match target.place()? {
            Place::Data(data) => Some(own_python(&data)).filter(|python| python.is_file()),
            Place::Config(_) => None,
        };
        let found = crate::cli::runtime()?.block_on(async {
            let mut found = Vec::new();
            for workspace in workspaces {
                found.push(verify(workspace, self.python.as_deref(), own.as_deref()).await?);
            }
            Ok::<_, VerifyError>(found)
        })?;
        let all_judged = found.iter().all(|one| one.comparison.unjudged.is_empty());
        let text: String = found.iter().map(Found::as_text).collect();
        let json =
            json!({ "all_judged": all_judged, "workspaces": found.iter().map(Found::as_json).collect::<Vec<_>>() });
        Ok(Printed::new(text, json).with_code(if all_judged { 0 } else { UNJUDGED }))
    }
}

fn own_python(data: &Path) -> PathBuf {
    find::own_program(data).with_file_name("python")
}

async fn verify(workspace: Workspace, named: Option<&Path>, own: Option<&Path>) -> Result<Found, VerifyError> {
    let at = &workspace.upstream;
    let version = version(&workspace).await?;
    let mut routes = {
        let body = get(&workspace, openapi::PATH).await?;
        openapi::routes(&body).ok_or_else(|| not_prefect(at, 200, openapi::PATH))?
    };
    let sockets = sockets::ask(at).await.map_err(|source| VerifyError::Socket { at: at.to_string(), source })?;
    let mut note = None;
    let app = match (named, own) {
        (Some(python), _) => Some(of_version(python, &version, at).await?),
        (None, Some(python)) => match of_version(python, &version, at).await {
            Ok(app) => Some(app),
            // It was not asked for.
            Err(error) => {
                note = Some(error.to_string());
                None
            }
        },
        (None, None) => None,
    };
    let by_app = app.is_some();
    for route in app.into_iter().flat_map(|app| app.routes) {
        add(&mut routes, route);
    }
    let comparison = compare(&routes, by_app);
    Ok(Found { workspace, version, by_app, comparison, sockets, note })
}

async fn of_version(python: &Path, here: &str, at: &Upstream) -> Result<App, VerifyError> {
    let app = app::ask(python).await?;
    if app.version == here {
        return Ok(app);
    }
    let (python, here) = (python.to_path_buf(), here.to_owned());
    Err(VerifyError::OtherVersion { python, there: app.version, at: at.to_string(), here })
}

async fn version(workspace: &Workspace) -> Result<String, VerifyError> {
    let body = get(workspace, VERSION_PATH).await?;
    serde_json::from_slice(&body).map_err(|_| not_prefect(&workspace.upstream, 200, VERSION_PATH))
}

async fn get(workspace: &Workspace, path: &'static str) -> Result<bytes::Bytes, VerifyError> {
    let at = &workspace.upstream;
    let answer = probe::get_within(PATIENCE, at, path, workspace.auth_string.as_ref()).await;
    let answer = answer.map_err(|source| VerifyError::Probe { at: at.to_string(), source })?;
    match answer.status {
        200 => Ok(answer.body),
        status @ (401 | 403) => Err(VerifyError::Refused { at: at.to_string(), status }),
        status => Err(not_prefect(at, status, path)),
    }
}

fn not_prefect(at: &Upstream, status: u16, path: &'static str) -> VerifyError {
    VerifyError::NotPrefect { at: at.to_string(), status, path }
}

impl Found {
    fn as_text(&self) -> String {
        let Self { workspace, version, comparison, .. } = self;
        let all = comparison.judged + comparison.unjudged.len();
        let there = self.sockets.iter().filter(|(_, presence)| *presence == Presence::There).count();
        let mut text = format!("{}: Prefect Server {version} at {}\n", workspace.name, workspace.upstream);
        text += &format!("  lictor      {}, with a table for Prefect Server 3.0 to 3.8\n", env!("CARGO_PKG_VERSION"));
        text += &format!("  routes      {} of {all} judged, by {}\n", comparison.judged, self.source());
        text += &format!("  sockets     {there} of the table's {} are there\n", self.sockets.len());
        for route in &comparison.unjudged {
            text += &format!("  NOT JUDGED  {}: {}\n", plain(&route.as_asked()), route.fate());
        }
        for row in self.absent() {
            text += &format!("  not there   {}\n", row.name());
        }
        for note in self.notes() {
            text += &format!("  note        {note}\n");
        }
        text
    }

    fn as_json(&self) -> Value {
        let route = |route: &Route| json!({ "route": route.as_asked(), "fate": route.fate() });
        let presence = |presence: Presence| match presence {
            Presence::There => json!(true),
            Presence::Absent => json!(false),
            Presence::Unclear(_) => Value::Null,
        };
        json!({
            "workspace": self.workspace.name,
            "upstream": self.workspace.upstream.to_string(),
            "version": self.version,
            "lictor": env!("CARGO_PKG_VERSION"),
            "by": self.source(),
            "judged": self.comparison.judged,
            "not_judged": self.comparison.unjudged.iter().map(route).collect::<Vec<_>>(),
            "not_there": self.absent().map(Operation::name).collect::<Vec<_>>(),
            "sockets": self.sockets.iter().map(|(row, there)| json!({
                "operation": row.name(), "there": presence(*there),
            })).collect::<Vec<_>>(),
            "notes": self.notes(),
        })
    }

    fn source(&self) -> &'static str {
        if self.by_app { "its openapi.json and Prefect's own app" } else { "its openapi.json" }
    }

    /// Rows of other versions, sockets included.
    fn absent(&self) -> impl Iterator<Item = &'static Operation> {
        let sockets = self.sockets.iter().filter(|(_, presence)| *presence == Presence::Absent).map(|(row, _)| *row);
        self.comparison.absent.iter().copied().filter(|row| !row.is_socket()).chain(sockets)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.note.iter().cloned().collect();
        if !self.by_app {
            notes.push("sockets that the table does not know, and routes outside the API, are in no openapi.json: give --python to hear of them".to_owned());
        }
        if answers::support(&self.version) != Support::Tested {
            notes.push("this version is not one that Lictor was tested with".to_owned());
        }
        for (row, presence) in &self.sockets {
            if let Presence::Unclear(status) = presence {
                notes.push(format!(
                    "whether {} is there is not known: its upgrade was answered with HTTP {status}",
                    row.name()
                ));
            }
        }
        notes
    }
}
