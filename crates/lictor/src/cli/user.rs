//! Who are the people?

use clap::{Args, Subcommand};
use lictor_model::{PrincipalKind, PrincipalName};
use lictor_store::NewPrincipal;

use super::error::CliError;
use super::password;
use super::principal::email::{self, SetEmail};
use super::principal::{self, FirstRole, Named, SetAccountRole};
use super::printed::Printed;
use super::reset_link::ResetLink;
use super::second_factor::{ListFactors, ResetFactors};
use super::target::{Console, Target};

/// `lictor user`
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Add a person; asks for the password, or reads it with --password-stdin.
    #[command(
        after_help = "Examples:\n  lictor user add alice --role developer\n  pass show lictor/alice | lictor user add alice --role developer --password-stdin"
    )]
    Add(Add),
    /// List all people.
    List,
    /// Show one person, with keys.
    Show(Named),
    /// Stop a person from doing anything; grants and keys are kept.
    Disable(Named),
    /// Undo `disable`.
    Enable(Named),
    /// Remove a person, with keys, sessions and grants. The record keeps the name.
    Remove(Named),
    /// Set where notices go, or none. It is for notices only, and no way to sign in.
    SetEmail(SetEmail),
    /// Set a new password; asks for it, or reads it with --password-stdin.
    SetPassword(SetPassword),
    /// Make a person an admin of the account, who manages all but owners; or a member again.
    SetAccountRole(SetAccountRole),
    /// Make a link by which a person sets a new password, once. Only the link is printed on standard output.
    ResetLink(ResetLink),
    /// List a person's second factors: what they are called, since when, and when last used.
    Factors(ListFactors),
    /// Make a link by which a person who lost them is rid of their second factors, once; or remove them with --now.
    ResetFactors(ResetFactors),
}

/// `lictor user add`
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// 1 to 64 of a-z, 0-9 and . _ @ + -, in lower case.
    name: String,
    #[command(flatten)]
    role: FirstRole,
    /// Where notices go. It is for notices only, and no way to sign in.
    #[arg(long, value_name = "ADDRESS", value_parser = email::read)]
    email: Option<String>,
    #[command(flatten)]
    input: Input,
}

/// `lictor user set-password`
#[derive(Debug, Args)]
pub(crate) struct SetPassword {
    /// Whose.
    name: String,
    #[command(flatten)]
    input: Input,
}

/// How the password comes in.
#[derive(Debug, Args)]
struct Input {
    /// Read the password from standard input: one line.
    #[arg(long)]
    password_stdin: bool,
    /// Ask the person for a new password at the next sign-in.
    #[arg(long)]
    must_change: bool,
}

impl User {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console, target: &Target) -> Result<Printed, CliError> {
        let kind = PrincipalKind::User;
        match self {
            Self::Add(add) => add.run(console).await,
            Self::List => principal::list(console, kind).await,
            Self::Show(named) => principal::show(console, kind, &named).await,
            Self::Disable(named) => principal::set_disabled(console, kind, &named, true).await,
            Self::Enable(named) => principal::set_disabled(console, kind, &named, false).await,
            Self::Remove(named) => principal::remove(console, kind, &named).await,
            Self::SetEmail(set) => set.run(console, kind).await,
            Self::SetPassword(set) => set.run(console).await,
            Self::SetAccountRole(set) => set.run(console, kind).await,
            Self::ResetLink(link) => link.run(console, target).await,
            Self::Factors(list) => list.run(console).await,
            Self::ResetFactors(reset) => reset.run(console, target).await,
        }
    }
}

impl Add {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let name = PrincipalName::parse(&self.name)?;
        let role = self.role.read()?;
        let hash = new_hash(&self.input, &name)?;
        let password = Some((hash, self.input.must_change));
        let new = NewPrincipal { kind: PrincipalKind::User, name: name.clone(), password, role };
        let added = principal::add(console, new).await?;
        if let Some(address) = &self.email {
            console.store.set_mail_address(&console.by, &name, Some(address)).await?;
        }
        Ok(added)
    }
}

impl SetPassword {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let found = console.principal(&self.name).await?;
        if found.kind == PrincipalKind::ServiceAccount {
            return Err(CliError::NoPasswords(self.name));
        }
        let hash = new_hash(&self.input, &found.name)?;
        console.admin.set_password(&found.name, &hash, self.input.must_change).await?;
        principal::changed(&found, "changed the password of")
    }
}

fn new_hash(input: &Input, name: &PrincipalName) -> Result<String, CliError> {
    let password = password::read_new(input.password_stdin, name)?;
    Ok(lictor_authn::password::hash(password.expose()).map_err(password::PasswordError::from)?)
}
