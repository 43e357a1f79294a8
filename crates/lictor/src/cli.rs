//! Which command was asked for? One file per noun; this one names them all and runs the chosen one.

pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod ban;
pub(crate) mod can;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod connect;
pub(crate) mod doctor;
pub(crate) mod error;
pub(crate) mod grant;
pub(crate) mod holding;
pub(crate) mod import;
pub(crate) mod issuer;
pub(crate) mod key;
pub(crate) mod key_age;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod moment;
pub(crate) mod operation;
pub(crate) mod password;
pub(crate) mod policy;
pub(crate) mod principal;
pub(crate) mod printed;
pub(crate) mod provider;
pub(crate) mod reset_link;
pub(crate) mod role;
pub(crate) mod second_factor;
pub(crate) mod serve;
pub(crate) mod service_account;
pub(crate) mod signed_in;
pub(crate) mod target;
pub(crate) mod team;
pub(crate) mod up;
pub(crate) mod upstreams;
pub(crate) mod user;
mod verdict;
pub(crate) mod whoami;

use clap::{Parser, Subcommand};

use error::CliError;
use printed::Printed;
use target::{Console, Target};

/// People, keys and roles in front of an unmodified Prefect Server.
#[derive(Debug, Parser)]
#[command(name = "lictor", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Print JSON instead of text: stable field names, times as RFC 3339.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  lictor up                                  a gateway with a Prefect Server of its own
  lictor user add alice --role developer     a person; asks for the password
  lictor key create --for alice --label ci   an API key; only the key is printed on standard output
  lictor team add-member data alice bob      a team; `lictor grant add --team data` gives it a role
  lictor can alice POST /api/flows/          may she, and why?
  lictor serve --config lictor.toml          the gateway in production
  lictor login https://prefect.example.com   a key for this machine, by a browser's word

Every command that reads or changes people, teams, keys, roles, grants or the record works on
the store of a running or a stopped gateway: of --data DIR (or LICTOR_DATA), or of
--config FILE (or LICTOR_CONFIG).";

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a gateway with a Prefect Server of its own (or with --upstream, in front of one that runs).
    Up(up::Up),
    /// Start the gateway that a configuration file describes.
    Serve(serve::Serve),
    /// The other half, next to a worker: plain HTTP here, TLS with a client certificate or a token to the gateway.
    Connect(connect::Connect),
    /// Get a key by a browser's word, and write a Prefect profile with it.
    Login(login::Login),
    /// As whom does Prefect's client of this shell go where, and for how long?
    Whoami(whoami::Whoami),
    /// Give the key of a profile back: revoked at the gateway, forgotten here.
    Logout(logout::Logout),
    /// Check a configuration file and name every problem in it.
    Check(check::Check),
    /// Check the configuration, then probe the store, each Prefect Server, websockets, clock and TLS.
    Doctor(doctor::Doctor),
    /// People: add, list, show, disable, enable, remove, set-password, reset-link, factors, reset-factors, set-email.
    #[command(subcommand)]
    User(user::User),
    /// Machines: they have API keys, never a password.
    #[command(subcommand)]
    ServiceAccount(service_account::ServiceAccount),
    /// Users and service accounts alike: show what they may, and why.
    #[command(subcommand)]
    Principal(principal::show::PrincipalCommand),
    /// Teams of users and service accounts: what a team may, each of its members may.
    #[command(subcommand)]
    Team(team::TeamCommand),
    /// API keys: create, list, show, rotate, disable, enable, revoke.
    #[command(subcommand)]
    Key(key::Key),
    /// Roles: the built-in ones, and your own.
    #[command(subcommand)]
    Role(role::RoleCommand),
    /// Grants: who, or which team, has which role in which workspace.
    #[command(subcommand)]
    Grant(grant::GrantCommand),
    /// Bans: whose passwords are not looked at for a while.
    #[command(subcommand)]
    Ban(ban::BanCommand),
    /// Make people, teams, roles and grants what a file says: shows what changes, and changes all of it or nothing.
    Apply(apply::Apply),
    /// Write people, teams, roles and grants as a file that `apply` takes; nothing secret is in it.
    Export(apply::Export),
    /// Identity providers: forget one that is gone.
    #[command(subcommand)]
    Provider(provider::Provider),
    /// Write all of the store into one file, while the gateway runs.
    Backup(backup::Backup),
    /// Put a backup into a new store, of either database, or in the place of what is there.
    Restore(backup::Restore),
    /// Issuers of tokens: list them, and whose a token would be.
    #[command(subcommand)]
    Issuer(issuer::IssuerCommand),
    /// Bring people over from elsewhere.
    #[command(subcommand)]
    Import(import::Import),
    /// The record of who did what.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// The policy as something to test, to hold against Prefect, and to try on what is on record.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// May they? The decision for one request, and what it rests on. Exit code 0: allowed; 3: refused.
    Can(can::Can),
    /// The operations of Prefect that Lictor knows, with the permission each needs.
    #[command(subcommand)]
    Operation(operation::OperationCommand),
    /// Print the completion script of a shell.
    Completions(completions::Completions),
}

/// Runs the command.
///
/// # Errors
/// [`CliError`], whose text says what to change.
pub(crate) fn run(cli: Cli) -> Result<Printed, CliError> {
    let target = &cli.target;
    match cli.command {
        Command::Up(up) => up.run(target),
        Command::Serve(serve) => serve.run(target),
        Command::Connect(connect) => connect.run(),
        Command::Login(login) => login.run(),
        Command::Whoami(whoami) => whoami.run(),
        Command::Logout(logout) => logout.run(),
        Command::Check(check) => check.run(target),
        Command::Doctor(doctor) => doctor.run(target),
        Command::Completions(completions) => Ok(completions.run()),
        Command::Issuer(issuer) => issuer.run(target),
        Command::Operation(operation) => Ok(operation.run()),
        Command::User(user) => on_store(target, async |console| user.run(&console, target).await),
        Command::ServiceAccount(account) => on_store(target, async |console| account.run(&console).await),
        Command::Key(key) => {
            key.check(target)?;
            on_store(target, async |console| key.run(&console).await)
        }
        Command::Principal(principal) => {
            let workspaces = target.workspaces()?;
            on_store(target, async |console| principal.run(&console, workspaces).await)
        }
        Command::Team(team) => on_store(target, async |console| team.run(&console).await),
        Command::Role(role) => on_store(target, async |console| role.run(&console).await),
        Command::Grant(grant) => {
            grant.check(target)?;
            on_store(target, async |console| grant.run(&console).await)
        }
        Command::Apply(apply) => on_store(target, async |console| apply.run(&console).await),
        Command::Export(export) => on_store(target, async |console| export.run(&console).await),
        Command::Ban(ban) => on_store(target, async |console| ban.run(&console).await),
        Command::Provider(provider) => on_store(target, async |console| provider.run(&console).await),
        Command::Backup(backup) => on_store(target, async |console| backup.run(&console).await),
        Command::Restore(restore) => {
            runtime()?.block_on(async { restore.run(&Console::open_or_make(target).await?).await })
        }
        Command::Import(import) => on_store(target, async |console| import.run(&console).await),
        Command::Audit(audit) => audit.run(target),
        Command::Policy(policy) => policy.run(target),
        Command::Can(can) => {
            let workspace = can.workspace_in(target)?;
            let credential = can.credential_in(target)?;
            on_store(target, async |console| can.run(&console, workspace, credential).await)
        }
    }
}

/// Opens the store and works on it.
fn on_store(
    target: &Target,
    work: impl AsyncFnOnce(Console) -> Result<Printed, CliError>,
) -> Result<Printed, CliError> {
    runtime()?.block_on(async { work(Console::open(target).await?).await })
}

/// The runtime of a command that is over soon.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Runtime)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Cli;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_commands_of_the_documentation_parse() {
        for line in [
            "up --data d --listen 127.0.0.1:4300 --upstream http://127.0.0.1:4200",
            "serve --config lictor.toml",
            "check --config lictor.toml",
            "connect https://gate.example --cert worker.pem --key worker.key --ca ca.pem",
            "connect https://gate.example --listen 127.0.0.1:4200 --token-file key",
            "login https://gate.example --label laptop --profile work --ca-file ca.pem --no-browser",
            "login http://127.0.0.1:4300 --env",
            "whoami --profile work --json",
            "logout --profile work --only-here",
            "doctor --data d --json",
            "user add alice --role developer --password-stdin",
            "user set-password alice",
            "user reset-link alice --expires 2h",
            "user reset-link alice --mail --config lictor.toml",
            "user factors alice --json",
            "user reset-factors alice --now",
            "user set-email alice alice@example.com",
            "service-account set-email ci none",
            "user add alice --role developer --email alice@example.com",
            "backup lictor.jsonl --data d",
            "restore - --replace --config lictor.toml",
            "ban list --json",
            "ban lift 192.0.2.7",
            "ban add alice --for 30m",
            "service-account add ci --role worker",
            "key create --for alice --label laptop --expires 90d",
            "key list --for alice --data d",
            "key revoke 0198",
            "key rotate 4f9a --overlap 1h",
            "key disable 4f9a",
            "key enable 4f9a",
            "key show 4f9a",
            "key list --expiring 14d",
            "role set-max-key-age developer 90d",
            "role set-max-key-age developer none",
            "role add deployer --permission see_flows --permission run_deployments",
            "role add auditor --based-on viewer --permission see_workspace_settings",
            "grant add alice --role viewer --workspace research",
            "grant add --team data --role developer",
            "grant list --team data",
            "role change deployer --permission see_flows",
            "user set-account-role alice admin",
            "service-account set-account-role ci member",
            "team add data --description people",
            "team add-member data alice etl-worker",
            "team remove-member data alice",
            "principal show alice --json",
            "provider forget okta --data d",
            "up --providers providers.toml",
            "issuer list --json",
            "issuer whose github claims.json --config lictor.toml",
            "apply access.toml --dry-run",
            "apply -",
            "export",
            "import htpasswd users.htpasswd --dry-run",
            "audit list --actor alice --since 1h --limit 5",
            "can alice SOCKET /api/events/in --workspace default",
            "policy test policy.toml --json",
            "policy verify --config lictor.toml --workspace main --python /opt/prefect/bin/python",
            "policy replay --since 7d --with changes.toml",
            "audit automations --workspace default --lapsed --upstream",
            "operation list",
            "completions bash",
        ] {
            let words = std::iter::once("lictor").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }

    #[test]
    fn a_store_is_named_once() {
        assert!(Cli::try_parse_from(["lictor", "user", "list", "--data", "d", "--config", "c"]).is_err());
    }
}
