//! How does it all start with one command? A data directory, an owner, a Prefect Server of its own, the gateway.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

use clap::Args;
use lictor_authz::{AccessView, Holding};
use lictor_model::{Clock, Principal, PrincipalKind, PrincipalName, RoleName, Scope, Secret};
use lictor_store::NewPrincipal;

use super::error::CliError;
use super::password::PasswordError;
use super::printed::Printed;
use super::target::{Console, Target, store_url_in};
use crate::config::sign_in::{self, SignIn};
use crate::config::{Plan, PublicUrl, Tls, Upstream, Via, workspace};
use crate::supervise::find::{self, Found, Looked};
use crate::supervise::install::{self, InstallError};
use crate::supervise::lock::{self, LockError};
use crate::supervise::running;
use crate::supervise::{Server, Supervisor, say};
use crate::tls::own::{Own, OwnError};
use crate::{address, app};

/// `lictor up`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lictor up\n  lictor up --data /srv/lictor --listen 0.0.0.0:4300\n  lictor up --public-url https://example.com/prefect/\n  LICTOR_UPSTREAM_AUTH_STRING=admin:pass lictor up --upstream http://127.0.0.1:4200"
)]
pub(crate) struct Up {
    /// Where clients connect to.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4300")]
    listen: SocketAddr,
    /// How browsers and clients spell Lictor behind a proxy, as https://example.com/prefect/.
    #[arg(long, value_name = "URL", value_parser = PublicUrl::parse)]
    public_url: Option<PublicUrl>,
    /// A Prefect Server that runs already; none is started then.
    #[arg(long, value_name = "URL", value_parser = Upstream::parse)]
    upstream: Option<Upstream>,
    /// A file with the auth string of --upstream (or set LICTOR_UPSTREAM_AUTH_STRING).
    #[arg(long, value_name = "FILE", requires = "upstream")]
    upstream_auth_string_file: Option<std::path::PathBuf>,
    /// A file with identity providers, as `[providers.NAME]` [default: providers.toml in the data directory, if it is there].
    #[arg(long, value_name = "FILE")]
    providers: Option<std::path::PathBuf>,
    /// Do not use the `prefect` on PATH; install one into the data directory.
    #[arg(long, conflicts_with = "upstream")]
    own_prefect: bool,
    /// Speak TLS, with a certificate for this machine's names that is made and renewed in the data directory.
    #[arg(long)]
    tls: bool,
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpError {
    /// The data directory cannot be used.
    #[error("cannot use the data directory {}: {source}", path.display())]
    Data {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The port is taken.
    #[error("cannot listen on {listen}: {source}; choose another address with --listen")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The upstream's auth string is unusable.
    #[error("{origin}: {what}")]
    AuthString {
        /// Where it came from.
        origin: String,
        /// What is wrong with it.
        what: String,
    },
    /// A file that is not there.
    #[error("--providers: {} is not there", .0.display())]
    NoProviders(std::path::PathBuf),
    /// In use.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// No Prefect.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] OwnError),
    /// The system gives no thread.
    #[error("cannot watch over Prefect Server: {0}")]
    Supervise(#[source] std::io::Error),
}

impl Up {
    /// Runs until it is told to stop.
    pub(crate) fn run(self, target: &Target) -> Result<Printed, CliError> {
        let data = target.data_folder()?;
        make_private_folder(&data)?;
        let _taken = lock::take(&data).map_err(UpError::from)?;
        self.check_listen()?;
        let sign_in = self.sign_in(&data)?;
        running::forget(&data);
        let server = match &self.upstream {
            Some(_) => None,
            None => Some(self.own_server(&data)?),
        };
        let workspace = match (&self.upstream, &server) {
            (Some(upstream), _) => {
                running::note_elsewhere(&data, upstream)
                    .map_err(|source| UpError::Data { path: data.clone(), source })?;
                workspace::only(upstream.clone(), upstream_auth_string(self.upstream_auth_string_file.as_deref())?)
            }
            (None, Some(server)) => workspace::only(server.at.clone(), Some(server.auth_string.clone())),
            (None, None) => return Ok(Printed::nothing()),
        };
        let store_url = store_url_in(&data);
        let first_password = super::runtime()?.block_on(make_owner(&store_url))?;
        let mut plan = Plan::with_defaults(self.listen, store_url, workspace);
        plan.public_url.clone_from(&self.public_url);
        plan.sign_in = sign_in;
        if self.tls {
            let own = Own::keep(&data, self.listen.ip(), Clock::system().now()).map_err(UpError::from)?;
            let (cert_file, key_file) = own.files();
            plan.tls = Some(Tls::of_files(cert_file, key_file));
            plan.own_certificate = Some(own);
        }
        let ca_file = plan.own_certificate.as_ref().map(Own::ca_file);
        let (listening, bound) = channel();
        plan.listening = Some(listening);
        let (ready, is_ready) = channel();
        let supervisor = match server {
            Some(server) => Some(Supervisor::start(server, ready).map_err(UpError::Supervise)?),
            None => {
                // An upstream that is not ours is announced at once.
                let _ = ready.send(());
                None
            }
        };
        let last_lines = LastLines { first_password, named: target.data.clone(), ca_file };
        let public_url = self.public_url.clone();
        std::thread::spawn(move || {
            if let Some(bound) = until_up(&bound, &is_ready) {
                let url = address::of(public_url.as_ref(), last_lines.ca_file.is_some(), bound);
                // A terminal that was closed is no reason to stop.
                let _ = writeln!(std::io::stdout(), "{}", last_lines.text(&url));
            }
        });
        let ran = app::run(plan);
        if let Some(supervisor) = supervisor {
            say("stopping Prefect Server");
            supervisor.stop();
        }
        ran?;
        Ok(Printed::nothing())
    }

    /// Providers that were named must be there; the file in the data directory may come later.
    fn sign_in(&self, data: &Path) -> Result<SignIn, CliError> {
        if let Some(path) = self.providers.as_ref().filter(|path| !path.is_file()) {
            return Err(UpError::NoProviders(path.clone()).into());
        }
        Ok(sign_in::file_of_up(self.providers.as_deref(), data).sign_in()?)
    }

    /// Finds out at once, rather than after Prefect was installed, that the address is taken.
    fn check_listen(&self) -> Result<(), UpError> {
        let listen = self.listen;
        TcpListener::bind(listen).map(drop).map_err(|source| UpError::Listen { listen, source })
    }

    fn own_server(&self, data: &Path) -> Result<Server, UpError> {
        let found = self.find_prefect(data)?;
        let auth_string = own_auth_string(&data.join("upstream-auth"))
            .map_err(|source| UpError::Data { path: data.join("upstream-auth"), source })?;
        let at = free_port().map_err(UpError::Supervise)?;
        running::note(data, &at).map_err(|source| UpError::Data { path: data.to_path_buf(), source })?;
        say(&format!("starting Prefect Server {} ({}) on {at}", found.version, found.program.display()));
        let data = std::path::absolute(data).unwrap_or_else(|_| data.to_path_buf());
        let program = std::path::absolute(&found.program).unwrap_or(found.program);
        Ok(Server { program, data, at, auth_string })
    }

    fn find_prefect(&self, data: &Path) -> Result<Found, UpError> {
        let own = find::look(&find::own_program(data));
        let looked = if self.own_prefect { own } else { either(find::on_path, own) };
        match looked {
            Looked::Usable(found) => return Ok(found),
            Looked::Other(version) => say(&format!("the prefect on PATH is {version}, and Lictor needs 3.x")),
            Looked::Nothing => {}
        }
        Ok(install::own(data)?)
    }
}

/// An installation in the data directory was made because the one on PATH would not do, so it goes first.
fn either(on_path: impl FnOnce() -> Looked, own: Looked) -> Looked {
    if matches!(own, Looked::Usable(_)) { own } else { on_path() }
}

fn make_private_folder(path: &Path) -> Result<(), UpError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| UpError::Data { path: path.to_path_buf(), source })
}

/// The auth string between Lictor and its own Prefect Server: made once, readable by nobody else.
fn own_auth_string(path: &Path) -> std::io::Result<Secret> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(Secret::new(text.trim())),
        Ok(_) => std::fs::remove_file(path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let secret = lictor_model::key::random_text(40).map_err(std::io::Error::other)?;
    let auth_string = format!("lictor:{secret}");
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(auth_string.as_bytes())?;
    file.sync_all()?;
    Ok(Secret::new(auth_string))
}

/// The auth string of a server that is not ours: from a file, or from `LICTOR_UPSTREAM_AUTH_STRING`.
pub(crate) fn upstream_auth_string(file: Option<&Path>) -> Result<Option<Secret>, UpError> {
    const VARIABLE: &str = "LICTOR_UPSTREAM_AUTH_STRING";
    let (origin, text) = match file {
        Some(file) => {
            let origin = file.display().to_string();
            let read = std::fs::read_to_string(file);
            let text = read.map_err(|error| UpError::AuthString { origin: origin.clone(), what: error.to_string() })?;
            (origin, text)
        }
        None => match std::env::var(VARIABLE) {
            Ok(text) => (VARIABLE.to_owned(), text),
            Err(_) => return Ok(None),
        },
    };
    workspace::usable_auth_string(&text).map(Some).map_err(|what| UpError::AuthString { origin, what })
}

fn free_port() -> std::io::Result<Upstream> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    Ok(Upstream { via: Via::Plain, host: "127.0.0.1".to_owned(), port })
}

/// Makes the owner `admin` where there is no user yet; answers its password.
async fn make_owner(store_url: &Secret) -> Result<Option<Secret>, CliError> {
    let console = Console::open_url(store_url, std::sync::Arc::default()).await?;
    let users = console.store.list_principals(Some(PrincipalKind::User)).await?;
    if !users.is_empty() {
        warn_without_owner(&users, &AccessView::build(&console.store.load_assignments().await?));
        return Ok(None);
    }
    let password = Secret::new(lictor_model::key::random_text(20)?);
    let hash = lictor_authn::password::hash(password.expose()).map_err(PasswordError::from)?;
    let new = NewPrincipal {
        kind: PrincipalKind::User,
        name: PrincipalName::parse("admin")?,
        password: Some((hash, true)),
        role: Some((RoleName::parse("owner")?, Scope::Everywhere)),
    };
    console.store.add_principal(&console.by, new).await?;
    Ok(Some(password))
}

fn warn_without_owner(users: &[Principal], access: &AccessView) {
    let is_owner = |holding: &Holding| holding.role.as_str() == "owner" && holding.scope == Scope::Everywhere;
    let mut enabled = users.iter().filter(|user| !user.disabled);
    if !enabled.any(|user| access.holdings(&user.id).iter().any(is_owner)) {
        say("nobody has the role owner yet: lictor grant add NAME --role owner");
    }
}

/// Waits until the gateway listens and Prefect answers; nothing when Lictor stops before that.
fn until_up(bound: &Receiver<SocketAddr>, ready: &Receiver<()>) -> Option<SocketAddr> {
    let bound = bound.recv().ok()?;
    ready.recv().ok().map(|()| bound)
}

/// What the last lines say.
struct LastLines {
    /// The owner's first password, where it was made just now.
    first_password: Option<Secret>,
    /// The data directory where it was given, so that the command shown works on it too.
    named: Option<PathBuf>,
    /// What clients must trust, where we speak TLS by a certificate of our own.
    ca_file: Option<PathBuf>,
}

impl LastLines {
    fn text(&self, url: &str) -> String {
        let data = self.named.as_ref().map(|data| format!(" --data {}", data.display())).unwrap_or_default();
        let trust = self.ca_file.as_ref().map(|ca| format!("  export PREFECT_API_SSL_CERT_FILE={}\n", ca.display()));
        let (who, password) = match &self.first_password {
            Some(password) => {
                let password = password.expose();
                let once = "shown this once; you choose another at the first sign-in";
                (format!("\n      as     admin\npassword     {password}   ({once})"), format!("admin:{password}"))
            }
            None => (String::new(), "NAME:PASSWORD".to_owned()),
        };
        format!(
            "\nLictor is up.\n\nSign in at   {url}{who}\n\nA client sets:\n  export PREFECT_API_URL={url}/api\n{}  \
             export PREFECT_API_AUTH_STRING=\"{password}\"\nor better, a key instead of the last of these, which clients from 3.0 on \
             send everywhere:\n  export PREFECT_CLOUD_API_URL={url}/api\n  \
             export PREFECT_API_KEY=\"$(lictor key create --for admin{data})\"",
            trust.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_say_what_a_client_must_set() {
        let url = address::of(None, true, "0.0.0.0:4300".parse().unwrap());
        let first_password = Some(Secret::new("pass"));
        let lines = LastLines { first_password, named: Some("/d".into()), ca_file: Some("/d/tls/ca.pem".into()) };
        let lines = lines.text(&url);
        assert!(lines.contains("export PREFECT_API_URL=https://127.0.0.1:4300/api"));
        assert!(lines.contains("PREFECT_API_AUTH_STRING=\"admin:pass\""));
        assert!(lines.contains("export PREFECT_CLOUD_API_URL=https://127.0.0.1:4300/api"));
        assert!(lines.contains("export PREFECT_API_KEY=\"$(lictor key create --for admin --data /d)\""));
        assert!(lines.contains("export PREFECT_API_SSL_CERT_FILE=/d/tls/ca.pem\n"));
        let plain = LastLines { first_password: None, named: None, ca_file: None }.text("http://127.0.0.1:4300");
        assert!(!plain.contains("shown this once") && !plain.contains("SSL"));
    }

    #[test]
    fn the_auth_string_is_made_once_and_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("lictor-auth-{}", std::process::id()));
        let first = own_auth_string(&path).unwrap();
        assert_eq!(own_auth_string(&path).unwrap(), first);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_file(&path).unwrap();
    }
}
