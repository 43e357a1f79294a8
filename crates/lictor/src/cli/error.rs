//! Why did a command fail? One line that says what to change.

use lictor_manage::ManageError;
use lictor_model::key::EntropyError;
use lictor_model::principal::NameError;
use lictor_model::role::RoleNameError;
use lictor_model::team::TeamNameError;
use lictor_model::{PrincipalName, RoleName, TeamName};
use lictor_store::StoreError;

use super::apply::ApplyError;
use super::audit::automations::AutomationsError;
use super::backup::BackupFileError;
use super::can::CanError;
use super::connect::ConnectError;
use super::import::ImportError;
use super::issuer::WhoseError;
use super::login::LoginError;
use super::logout::LogoutError;
use super::password::PasswordError;
use super::policy::PolicyError;
use super::policy::verify::VerifyError;
use super::signed_in::SignedInError;
use super::target::TargetError;
use super::up::UpError;
use super::upstreams::UpstreamsError;
use crate::app::AppError;
use crate::config::ConfigError;

/// A failed command.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each variant hands on the text of its source")]
pub(crate) enum CliError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Backup(Box<lictor_store::BackupError>),
    #[error(transparent)]
    BackupFile(#[from] BackupFileError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error(transparent)]
    Logout(#[from] LogoutError),
    #[error(transparent)]
    SignedIn(#[from] SignedInError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Manage(#[from] ManageError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    RoleName(#[from] RoleNameError),
    #[error(transparent)]
    TeamName(#[from] TeamNameError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Can(#[from] CanError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Automations(#[from] AutomationsError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Whose(#[from] WhoseError),
    #[error(transparent)]
    Upstreams(#[from] UpstreamsError),
    #[error(transparent)]
    Up(#[from] UpError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error(
        "{0:?} is neither an address nor a name: write 192.0.2.7, 2001:db8::7 (for its /64), or the name of a user"
    )]
    BanSubject(String),
    #[error(transparent)]
    Mail(#[from] crate::mail::MailError),
    #[error("the configuration has no [mail]: write url, from and to there, or leave --mail away")]
    NoMail,
    #[error("{0:?} has no address: give one with `lictor user set-email {0} ADDRESS`, or leave --mail away")]
    NoAddress(String),
    #[error("the system gives no runtime: {0}")]
    Runtime(#[source] std::io::Error),
    #[error(
        "{name} is {role} by no grant of their own but through team {team}: remove the membership, or the team's grant"
    )]
    ThroughTeam { name: PrincipalName, role: RoleName, team: TeamName },
    #[error("there is no {kind} {name:?}; `lictor {kind} list` shows them")]
    NoSuch { kind: &'static str, name: String },
    #[error(
        "{0:?} is a service account, and service accounts have no password: give it a key with `lictor key create --for {0}`"
    )]
    NoPasswords(String),
}
