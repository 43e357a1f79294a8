//! May they, and why? The decision for one request, by the same code that the gateway runs.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use lictor_authn::mtls::{self, Certificate};
use lictor_authz::{Access, AccessView, Holding, Operation};
use lictor_model::{
    CredentialId, CredentialKind, CredentialRef, Identity, Narrowing, Permission, PermissionSet, PrincipalName, Reason,
    WorkspaceName,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use super::error::CliError;
use super::holding;
use super::printed::Printed;
use super::target::{Console, Place, Target};
use super::verdict::Verdict;
use crate::config;

/// `lictor can`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lictor can alice POST /api/flow_runs/filter\n  lictor can ci SOCKET /api/events/in --workspace research\n\nExit code 0: allowed; 3: refused."
)]
pub(crate) struct Can {
    /// A user or a service account.
    name: String,
    /// GET, POST, PUT, PATCH, DELETE, HEAD, or SOCKET for a websocket.
    method: String,
    /// The path as a client sends it, as /api/flows/filter.
    path: String,
    /// Which workspace; otherwise the default one.
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
    /// With this key of theirs (its id or its last four characters), and so within its limits.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// With this client certificate (PEM), if the rules of the configuration lead from it to them.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    certificate: Option<PathBuf>,
}

/// Nothing to decide about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CanError {
    /// No default.
    #[error("no workspace is the default (all have hosts): name one with --workspace")]
    NoDefaultWorkspace,
    /// Rules are written in a configuration.
    #[error("--certificate needs --config: the [[certificates]] rules are in the configuration file")]
    NoRules,
    /// Not a certificate.
    #[error("{}: {what}", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, or with what it leads to.
        what: String,
    },
}

const REFUSED: u8 = 3;

impl Can {
    /// The workspace that was named, or the default one.
    pub(crate) fn workspace_in(&self, target: &Target) -> Result<WorkspaceName, CliError> {
        if let Some(name) = &self.workspace {
            return target.workspace(name);
        }
        Ok(default_workspace(target)?.ok_or(CanError::NoDefaultWorkspace)?)
    }

    /// The credential that is decided by; a certificate must be of the one who was named.
    pub(crate) fn credential_in(&self, target: &Target) -> Result<CredentialRef, CliError> {
        let Some(path) = &self.certificate else {
            return Ok(CredentialRef { kind: CredentialKind::Console, id: CredentialId::from("") });
        };
        let Place::Config(file) = target.place()? else { return Err(CanError::NoRules.into()) };
        let rules = config::read_certificate_rules(&file)?;
        let wrong = |what: String| CanError::Certificate { path: path.clone(), what };
        let leaf = CertificateDer::from_pem_file(path).map_err(|error| wrong(error.to_string()))?;
        let certificate = Certificate::read(&leaf).map_err(|error| wrong(error.to_string()))?;
        let whose =
            mtls::whose(&rules, &certificate).map_err(|reason| wrong(format!("{reason}: {}", reason.advice())))?;
        if whose.as_str() != self.name {
            return Err(wrong(format!("belongs to {whose}, not to {}", self.name)).into());
        }
        Ok(CredentialRef { kind: CredentialKind::Certificate, id: certificate.fingerprint().clone() })
    }

    /// Decides.
    pub(crate) async fn run(
        self,
        console: &Console,
        workspace: WorkspaceName,
        credential: CredentialRef,
    ) -> Result<Printed, CliError> {
        let principal = Arc::new(console.principal(&self.name).await?);
        let access = AccessView::build(&console.store.load_assignments().await?);
        let narrowing = self.narrowing(console, &principal.name).await?;
        let identity = Identity { principal, credential, narrowing, viewing: None };
        let verdict = Verdict::reach(&self.method, &self.path, &identity, &access, &workspace);
        let holdings = access.explain(&identity.principal.id, &workspace);
        let mut printed = self.printed(&verdict, &holdings, &workspace);
        if self.certificate.is_some() {
            let fingerprint = identity.credential.id.as_str();
            printed.text += &format!("  certificate {fingerprint}\n");
            if let Some(json) = printed.json.as_object_mut() {
                json.insert("certificate".to_owned(), fingerprint.into());
            }
        }
        Ok(printed)
    }

    async fn narrowing(&self, console: &Console, owner: &PrincipalName) -> Result<Option<Arc<Narrowing>>, CliError> {
        let Some(which) = &self.key else { return Ok(None) };
        let keys = console.store.list_keys(Some(owner)).await?;
        let found = keys.into_iter().find(|key| key.id.as_str() == which || key.hint == *which);
        let key = found.ok_or_else(|| CliError::NoSuch { kind: "key", name: which.clone() })?;
        Ok(key.narrowing.map(Arc::new))
    }

    fn printed(&self, verdict: &Verdict, holdings: &[Holding], workspace: &WorkspaceName) -> Printed {
        let needed = verdict.operation.map(|operation| operation.access.to_text());
        let lacking = verdict.decision.as_ref().err().map_or(PermissionSet::EMPTY, |denial| denial.lacking);
        let reason = verdict.decision.as_ref().err().map(|denial| denial.reason);
        let word = if reason.is_none() { "allowed" } else { "refused" };
        let mut text = format!("{word}: {} {} {} in {workspace}\n", self.name, self.method, self.path);
        if let Some(operation) = verdict.operation {
            text += &format!("  operation   {}\n  needs       {}\n", operation.name(), operation.access.to_text());
        }
        for (condition, met) in verdict.conditions() {
            let word = if met { "may" } else { "may not" };
            text += &format!("  {word:<12}send {}: {}\n", condition.fact, condition.needs.to_text());
        }
        if let Err(denial) = &verdict.decision {
            text += &format!("  reason      {}: {}\n", denial.reason, denial.advice());
        }
        for holding in holdings {
            text += &format!("  grant       {}\n", line(holding, verdict.operation));
        }
        if holdings.is_empty() {
            text += "  grant       none in this workspace\n";
        }
        if let Some(hint) = &verdict.hint {
            text += &format!("  hint        {hint}\n");
        }
        let json = json!({
            "allowed": reason.is_none(),
            "name": self.name,
            "method": self.method,
            "path": self.path,
            "workspace": workspace,
            "operation": verdict.operation.map(Operation::name),
            "needs": needed,
            "reason": reason.map(Reason::code),
            "conditions": verdict.conditions().map(|(condition, met)| json!({
                "fact": condition.fact, "needs": condition.needs.to_text(), "met": met,
            })).collect::<Vec<_>>(),
            "lacking": lacking.iter().map(Permission::as_str).collect::<Vec<_>>(),
            "grants": holdings.iter().map(holding::as_json).collect::<Vec<_>>(),
        });
        Printed::new(text, json).with_code(if reason.is_none() { 0 } else { REFUSED })
    }
}

/// The workspace that serves every host that no other claims, if there is one.
pub(crate) fn default_workspace(target: &Target) -> Result<Option<WorkspaceName>, CliError> {
    match target.place()? {
        Place::Data(_) => Ok(Some(WorkspaceName::from("default"))),
        Place::Config(file) => Ok(config::read_default_workspace(&file)?),
    }
}

fn line(holding: &Holding, operation: Option<&'static Operation>) -> String {
    let gives = match operation.map(|operation| operation.access) {
        Some(access @ (Access::Needs(_) | Access::Either(_))) if access.admits(holding.permissions) => ", gives it",
        Some(Access::Needs(_) | Access::Either(_)) => ", lacks it",
        _ => "",
    };
    let place = holding::place(&holding.scope);
    format!("{} {place}{gives} ({}, {})", holding.role, holding.origin, holding.grant)
}
