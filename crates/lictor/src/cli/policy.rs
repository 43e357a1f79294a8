//! Is the policy what it is meant to be? Cases with what is expected of each, for review and for CI.

mod changes;
mod replay;
mod rulings;
pub(crate) mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use lictor_authz::{AccessView, roles};
use lictor_model::{
    Assignments, CredentialId, CredentialKind, CredentialRef, Grant, GrantId, Identity, Principal, PrincipalId,
    PrincipalKind, PrincipalName, Reason, RoleName, Scope, Source, WorkspaceName,
};
use serde::Deserialize;
use serde_json::{Value, json};

use self::changes::ChangeError;
use super::can::default_workspace;
use super::error::CliError;
use super::on_store;
use super::printed::Printed;
use super::target::{Console, Target};
use super::verdict::Verdict;

/// `lictor policy`
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Decide every case of a file, and compare. Exit code 0: all as expected; 1: not.
    #[command(after_help = TEST_HELP)]
    Test(Test),
    /// Hold the table against the routes of the running Prefect Server. Exit code 0: all are judged; 3: some are not.
    #[command(after_help = verify::HELP)]
    Verify(verify::Verify),
    /// What would changed roles and grants have denied, or allowed? Decides the record of a time again.
    #[command(after_help = replay::HELP)]
    Replay(replay::Replay),
}

const TEST_HELP: &str = "\
The file is TOML, a [[case]] for each request:

  [[case]]
  role = \"runner\"          # or who = \"alice\", a user or a service account
  method = \"POST\"          # or SOCKET for a websocket
  path = \"/api/deployments/7e5c/create_flow_run\"
  body = '{\"job_variables\": {\"image\": \"x\"}}'   # optional
  workspace = \"main\"       # optional; otherwise the default one
  expect = \"permission-denied\"   # a reason's code, or allowed, or refused

Example:
  lictor policy test policy.toml --config lictor.toml";

/// `lictor policy test`
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The file of cases.
    file: PathBuf,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyError {
    /// Not there, or not to be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No TOML, or other keys than those of a case.
    #[error("{}:{line}: {}", path.display(), source.message())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        source: Box<toml::de::Error>,
    },
    /// A change that cannot be made.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// A case that says too little or too much.
    #[error("case {number}: {what}")]
    Case {
        /// Counted from 1.
        number: usize,
        /// What to change.
        what: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Suite {
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    who: Option<String>,
    role: Option<String>,
    method: String,
    path: String,
    body: Option<String>,
    workspace: Option<WorkspaceName>,
    expect: String,
}

impl Policy {
    /// Runs it.
    pub(crate) fn run(self, target: &Target) -> Result<Printed, CliError> {
        match self {
            Self::Test(test) => {
                let default = default_workspace(target)?;
                on_store(target, async |console| test.run(&console, default.as_ref()).await)
            }
            Self::Verify(verify) => verify.run(target),
            Self::Replay(replay) => {
                let workspaces = target.workspaces()?;
                on_store(target, async |console| replay.run(&console, &workspaces).await)
            }
        }
    }
}

impl Test {
    async fn run(self, console: &Console, default: Option<&WorkspaceName>) -> Result<Printed, CliError> {
        let suite: Suite = read_toml(&self.file)?;
        let assignments = console.store.load_assignments().await?;
        let (mut text, mut cases, mut wrong) = (String::new(), Vec::new(), 0);
        for (at, case) in suite.case.iter().enumerate() {
            let said = |what: String| PolicyError::Case { number: at + 1, what };
            let workspace = case.workspace.as_ref().or(default);
            let workspace = workspace.ok_or_else(|| said("name a workspace: none is the default".to_owned()))?;
            let (identity, assignments) = match (&case.who, &case.role) {
                (Some(name), None) => (identity(console.principal(name).await?), assignments.clone()),
                (None, Some(role)) => {
                    let role = RoleName::parse(role)?;
                    if roles::find(&role, &assignments.roles).is_none() {
                        return Err(CliError::NoSuch { kind: "role", name: role.to_string() });
                    }
                    let (identity, grant) = holder(&role)?;
                    let roles = assignments.roles.clone();
                    (identity, Assignments { roles, grants: vec![grant], ..Assignments::default() })
                }
                _ => return Err(said("give either who or role".to_owned()).into()),
            };
            let access = AccessView::build(&assignments);
            let verdict = Verdict::reach(&case.method, &case.path, &identity, &access, workspace);
            let body = case.body.as_deref().map_or(Ok(Value::Null), serde_json::from_str);
            let body = body.map_err(|error| said(format!("body is no JSON: {error}")))?;
            let reason = if case.body.is_some() { verdict.reason_with(&body) } else { verdict.reason() };
            let got = reason.map_or("allowed", Reason::code);
            let as_expected = expected(&case.expect, reason).map_err(said)?;
            wrong += usize::from(!as_expected);
            let who = case.who.as_deref().or(case.role.as_deref()).unwrap_or_default();
            let mark = if as_expected { "ok    " } else { "FAIL  " };
            text += &format!("{mark}{} {who} {} {}: {got}", at + 1, case.method, case.path);
            text += &if as_expected { "\n".to_owned() } else { format!(", expected {}\n", case.expect) };
            cases.push(json!({
                "case": at + 1, "who": case.who, "role": case.role, "method": case.method, "path": case.path,
                "expected": case.expect, "got": got, "as_expected": as_expected,
            }));
        }
        text += &format!("{} of {} cases as expected\n", cases.len() - wrong, cases.len());
        Ok(Printed::new(text, Value::Array(cases)).with_code(u8::from(wrong > 0)))
    }
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, PolicyError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| PolicyError::Unreadable { path: path.to_path_buf(), source })?;
    toml::from_str(&text).map_err(|source| {
        let before = source.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        PolicyError::Malformed { path: path.to_path_buf(), line, source: Box::new(source) }
    })
}

/// Whether the outcome is the one that was expected.
fn expected(expect: &str, reason: Option<Reason>) -> Result<bool, String> {
    match (expect, reason) {
        ("allowed", reason) => Ok(reason.is_none()),
        ("refused", reason) => Ok(reason.is_some()),
        (code, reason) => {
            let wanted = Reason::parse(code)
                .ok_or_else(|| format!("{code:?} is neither allowed, nor refused, nor the code of a reason"))?;
            Ok(reason == Some(wanted))
        }
    }
}

fn identity(principal: Principal) -> Identity {
    let credential = CredentialRef { kind: CredentialKind::Console, id: CredentialId::from("") };
    Identity { principal: Arc::new(principal), credential, narrowing: None, viewing: None }
}

/// Somebody who holds one role everywhere, and that grant.
fn holder(role: &RoleName) -> Result<(Identity, Grant), CliError> {
    let id = PrincipalId::from("");
    let grant = Grant {
        id: GrantId::from(""),
        principal: id.clone(),
        role: role.clone(),
        scope: Scope::Everywhere,
        source: Source::ByHand,
        created_at: Default::default(),
    };
    let principal = Principal {
        id,
        kind: PrincipalKind::ServiceAccount,
        // What names a role could name a principal.
        name: PrincipalName::parse(role.as_str())?,
        disabled: false,
        created_at: Default::default(),
    };
    Ok((identity(principal), grant))
}
