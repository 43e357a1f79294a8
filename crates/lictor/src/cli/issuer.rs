//! Whose would a token be? The rules of an issuer, held against claims before anybody comes with them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lictor_authn::jwt::{self, Fitting, Issuer, Proof, Rule};
use lictor_model::Clock;
use serde_json::json;

use super::error::CliError;
use super::printed::{Printed, table};
use super::target::{Place, Target};
use crate::config::ProvidersFile;
use crate::config::sign_in::file_of_up;

/// `lictor issuer …`
#[derive(Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    /// List the issuers of the configuration.
    List(List),
    /// Hold the claims of a token against an issuer's rules. Exit code 0: they lead to one account; 3: they do not.
    Whose(Whose),
}

/// `lictor issuer list`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lictor issuer list --config lictor.toml")]
pub(crate) struct List {
    /// The file of `lictor up --providers`; otherwise providers.toml in the data directory.
    #[arg(long, value_name = "FILE")]
    providers: Option<PathBuf>,
}

/// `lictor issuer whose`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lictor issuer whose github claims.json --config lictor.toml\n\nclaims.json holds the payload of a token as JSON, - means standard input. Signatures are not looked at."
)]
pub(crate) struct Whose {
    /// The issuer, as the configuration names it.
    issuer: String,
    /// The file of claims.
    claims: PathBuf,
    /// The file of `lictor up --providers`; otherwise providers.toml in the data directory.
    #[arg(long, value_name = "FILE")]
    providers: Option<PathBuf>,
}

/// No claims to hold against the rules.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WhoseError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not the payload of a token.
    #[error("{} holds no JSON object, or one in which a member stands twice: write the payload of a token there", .0.display())]
    NoClaims(PathBuf),
}

const NOBODY: u8 = 3;

impl IssuerCommand {
    /// Runs the command.
    pub(crate) fn run(self, target: &Target) -> Result<Printed, CliError> {
        match self {
            Self::List(list) => Ok(listed(&issuers(target, list.providers)?)),
            Self::Whose(whose) => whose.run(target),
        }
    }
}

fn issuers(target: &Target, providers: Option<PathBuf>) -> Result<Vec<Issuer>, CliError> {
    let file = match target.place()? {
        Place::Config(path) => ProvidersFile { path, workspace: None },
        Place::Data(data) => file_of_up(providers.as_deref(), &data),
    };
    Ok(file.elsewhere()?.issuers)
}

fn listed(issuers: &[Issuer]) -> Printed {
    let how = |issuer: &Issuer| match &issuer.terms.proof {
        Proof::Signature { .. } => "signature",
        Proof::Introspection { .. } => "introspection",
    };
    let row = |issuer: &Issuer| {
        let terms = &issuer.terms;
        let rules = issuer.rules.len().to_string();
        vec![terms.name.clone(), terms.issuer.clone(), how(issuer).to_owned(), terms.audiences.join(", "), rules]
    };
    let rows: Vec<Vec<String>> = issuers.iter().map(row).collect();
    let json = issuers.iter().map(|issuer| {
        let terms = &issuer.terms;
        json!({ "name": terms.name, "issuer": terms.issuer, "proof": how(issuer), "audiences": terms.audiences,
                "rules": issuer.rules.iter().map(as_json).collect::<Vec<_>>() })
    });
    Printed::new(table(&["NAME", "ISSUER", "PROOF", "AUDIENCES", "RULES"], &rows), json.collect())
}

fn as_json(rule: &Rule) -> serde_json::Value {
    json!({ "principal": rule.principal, "kind": rule.kind.as_str() })
}

impl Whose {
    fn run(&self, target: &Target) -> Result<Printed, CliError> {
        let issuers = issuers(target, self.providers.clone())?;
        let issuer = issuers.iter().find(|issuer| issuer.terms.name == self.issuer);
        let issuer = issuer.ok_or_else(|| CliError::NoSuch { kind: "issuer", name: self.issuer.clone() })?;
        let claims = self.read().map_err(|source| WhoseError::Unreadable { path: self.claims.clone(), source })?;
        let fitting = jwt::fitting(issuer, &claims, &Clock::system());
        let fitting = fitting.ok_or_else(|| WhoseError::NoClaims(self.claims.clone()))?;
        Ok(printed(&fitting))
    }

    fn read(&self) -> std::io::Result<Vec<u8>> {
        if self.claims.as_os_str() == "-" {
            let mut claims = Vec::new();
            std::io::Read::read_to_end(&mut std::io::stdin(), &mut claims)?;
            return Ok(claims);
        }
        std::fs::read(&self.claims)
    }
}

fn printed(fitting: &Fitting) -> Printed {
    let numbers: Vec<usize> = fitting.rules.iter().map(|at| at + 1).collect();
    let mut text = match &fitting.whose {
        Ok(rule) => format!("{} {}\n", rule.kind.as_str(), rule.principal),
        Err(reason) => format!("nobody: {reason}: {}\n", reason.advice()),
    };
    let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    text += &format!("  rules that fit  {}\n", if words.is_empty() { "none".to_owned() } else { words.join(", ") });
    if let Some(problem) = fitting.problem {
        text += &format!("  but             such a token is not accepted now. {problem}\n");
    }
    let rule = fitting.whose.as_ref().ok();
    let json = json!({
        "principal": rule.map(|rule| rule.principal.as_str()),
        "kind": rule.map(|rule| rule.kind.as_str()),
        "reason": fitting.whose.as_ref().err().map(|reason| reason.code()),
        "rules": numbers,
        "problem": fitting.problem,
    });
    let is_somebodys = fitting.whose.is_ok() && fitting.problem.is_none();
    Printed::new(text, json).with_code(if is_somebodys { 0 } else { NOBODY })
}
