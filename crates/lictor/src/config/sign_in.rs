//! Who may sign in, and how? The providers, and for whom passwords are good: in `lictor.toml`, or in a file of its own for
//! `lictor up`.

use std::path::{Path, PathBuf};

use lictor_authn::Passwords;
use lictor_authn::factors::Terms;
use lictor_authn::jwt::Issuer;
use lictor_authn::oidc::provider::Provider;
use lictor_model::{PrincipalName, Secret, WorkspaceName};

use super::written::Section;
use super::{ConfigError, Surroundings, edges, factors, issuers, providers, read_with, workspace};

/// Who may sign in, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct SignIn {
    /// Where people may sign in besides here.
    pub(crate) providers: Vec<Provider>,
    /// Whose tokens are credentials here.
    pub(crate) issuers: Vec<Issuer>,
    /// For whom passwords are good.
    pub(crate) passwords: Passwords,
    /// Whether a program may send the password of somebody who has, or must have, a second factor.
    pub(crate) password_alone: bool,
    /// What is set about second factors.
    pub(crate) factors: Terms,
    /// What seals providers' tokens and the secrets of codes, when it is not to be kept in the store itself.
    pub(crate) seal_key: Option<Secret>,
    /// Where the providers are read from, again and again; `None` for nowhere.
    pub(crate) read_from: Option<ProvidersFile>,
}

/// Whom we trust elsewhere, as the file has it now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// To say who people are.
    pub(crate) providers: Vec<Provider>,
    /// To issue tokens.
    pub(crate) issuers: Vec<Issuer>,
}

/// The file that names the providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProvidersFile {
    /// Which file.
    pub(crate) path: PathBuf,
    /// The one workspace of `lictor up`; `None` when the file names its own.
    pub(crate) workspace: Option<WorkspaceName>,
}

impl ProvidersFile {
    /// Whom the file names now: nobody, when a file of their own is not there.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem.
    pub(crate) fn elsewhere(&self) -> Result<Elsewhere, ConfigError> {
        match &self.workspace {
            Some(_) => self.sign_in().map(|SignIn { providers, issuers, .. }| Elsewhere { providers, issuers }),
            None => read_with(&self.path, |root, surroundings| {
                let workspaces = workspace::names(root);
                let providers = all(root, surroundings, &workspaces);
                Some(Elsewhere { providers, issuers: issuers::all(root, surroundings) })
            }),
        }
    }

    /// A file of their own, whole.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem.
    pub(crate) fn sign_in(&self) -> Result<SignIn, ConfigError> {
        if !self.path.exists() {
            return Ok(SignIn { read_from: Some(self.clone()), ..SignIn::default() });
        }
        let known: Vec<WorkspaceName> = self.workspace.iter().cloned().collect();
        let mut read = read_with(&self.path, |root, surroundings| {
            let sign_in = from_written(root, surroundings, &known);
            root.finish();
            Some(sign_in)
        })?;
        read.read_from = Some(self.clone());
        Ok(read)
    }
}

/// A file of providers beside a data directory.
pub(crate) fn file_of_up(named: Option<&Path>, data: &Path) -> ProvidersFile {
    let path = named.map_or_else(|| data.join("providers.toml"), Path::to_path_buf);
    ProvidersFile { path, workspace: Some(WorkspaceName::from("default")) }
}

/// What the file says of signing in.
pub(crate) fn from_written(
    root: &mut Section<'_>,
    surroundings: Surroundings<'_>,
    workspaces: &[WorkspaceName],
) -> SignIn {
    let providers = all(root, surroundings, workspaces);
    let issuers = issuers::all(root, surroundings);
    let mut section = root.section("sign_in");
    let passwords = passwords(&mut section, &providers);
    let password_alone = section.flag("programs_may_skip_second_factor").is_some_and(|found| found.value);
    let factors = factors::terms(&mut section);
    let seal_key = section.text("seal_key_file").and_then(|found| {
        found.read(|path| {
            let path = surroundings.resolve(&path);
            let read = std::fs::read_to_string(&path);
            let text = read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            let long_enough = text.trim().len() >= 32;
            long_enough.then(|| Secret::new(text.trim())).ok_or_else(|| {
                "must hold at least 32 characters of randomness, as `openssl rand -base64 32` makes them".to_owned()
            })
        })
    });
    section.finish();
    SignIn {
        providers,
        issuers,
        passwords,
        password_alone,
        factors,
        seal_key: seal_key.map(|found| found.value),
        read_from: None,
    }
}

/// Providers and edges, whose names stand in the same paths.
fn all(root: &mut Section<'_>, surroundings: Surroundings<'_>, workspaces: &[WorkspaceName]) -> Vec<Provider> {
    let mut all = providers::all(root, surroundings, workspaces);
    for edge in edges::all(root, surroundings, workspaces) {
        if all.iter().any(|one| one.name == edge.name) {
            root.problem("edges", format!("{:?} is the name of a provider already", edge.name));
        }
        all.push(edge);
    }
    all
}

fn passwords(section: &mut Section<'_>, providers: &[Provider]) -> Passwords {
    let is_closed = section.text("local_passwords").and_then(|found| {
        let read = found.read(|text| match text.as_str() {
            "everyone" => Ok(false),
            "break-glass" => Ok(true),
            _ => Err("must be \"everyone\" or \"break-glass\"".to_owned()),
        });
        read.map(|found| found.value)
    });
    let named = section.text("break_glass");
    let is_named = named.is_some();
    let name =
        named.and_then(|found| found.read(|text| PrincipalName::parse(&text).map_err(|error| error.to_string())));
    match (is_closed.unwrap_or_default(), name) {
        (true, _) if providers.is_empty() => {
            section.problem(
                "local_passwords",
                "leaves no way to sign in, for there is no provider: write [providers.NAME]",
            );
            Passwords::ForEveryone
        }
        (true, Some(name)) => Passwords::ForBreakGlass(name.value),
        (true, None) if !is_named => {
            let what = "is missing: name a local user with the role owner, who may always sign in with a password";
            section.problem("break_glass", what);
            Passwords::ForEveryone
        }
        (false, Some(name)) => {
            name.problem("counts only beside local_passwords = \"break-glass\"");
            Passwords::ForEveryone
        }
        _ => Passwords::ForEveryone,
    }
}

#[cfg(test)]
mod tests;
