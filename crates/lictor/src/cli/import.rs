//! How do the people of an nginx or Apache come over? From their htpasswd file, hashes and all.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lictor_authn::password::htpasswd;
use lictor_model::{PrincipalKind, PrincipalName, RoleName, Scope};
use lictor_store::NewPrincipal;
use serde_json::json;

use super::error::CliError;
use super::printed::Printed;
use super::target::Console;

/// `lictor import`
#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Import an htpasswd file: bcrypt, apr1, SHA-1, SHA-256-crypt and SHA-512-crypt. Each hash is replaced by Argon2id when
    /// its password is first used.
    #[command(
        after_help = "Examples:\n  lictor import htpasswd /etc/nginx/users --role viewer --dry-run\n  lictor import htpasswd /etc/nginx/users --role viewer"
    )]
    Htpasswd(Htpasswd),
}

/// `lictor import htpasswd`
#[derive(Debug, Args)]
pub(crate) struct Htpasswd {
    /// The file.
    file: PathBuf,
    /// The role that everybody in it begins with, in all workspaces.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Import the good lines although there are bad ones.
    #[arg(long)]
    skip_bad: bool,
}

/// Nothing was imported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// No file.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Bad lines.
    #[error("nothing was imported, since {} cannot be:\n{}\nCorrect them, or import the others with --skip-bad", lines(.0.len()), .0.join("\n"))]
    BadLines(Vec<String>),
    /// It stopped half-way.
    #[error("stopped at {name}: {source}; {done} were imported before")]
    Stopped {
        /// At whom.
        name: PrincipalName,
        /// How many were imported.
        done: usize,
        /// Why.
        source: lictor_store::StoreError,
    },
}

/// The file, read.
struct Read {
    good: Vec<(PrincipalName, String)>,
    bad: Vec<String>,
}

impl Import {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let Self::Htpasswd(import) = self;
        import.run(console).await
    }
}

impl Htpasswd {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let role = self.role.as_deref().map(RoleName::parse).transpose()?;
        let text = std::fs::read_to_string(&self.file)
            .map_err(|source| ImportError::Unreadable { path: self.file.clone(), source })?;
        let mut read = read_lines(&text);
        refuse_taken(console, &mut read).await?;
        if !read.bad.is_empty() && !self.skip_bad && !self.dry_run {
            return Err(ImportError::BadLines(read.bad).into());
        }
        if !self.dry_run {
            add_all(console, &read.good, role.as_ref()).await?;
        }
        Ok(self.printed(&read, role.as_ref()))
    }

    fn printed(&self, read: &Read, role: Option<&RoleName>) -> Printed {
        let names: Vec<&str> = read.good.iter().map(|(name, _)| name.as_str()).collect();
        let verb = if self.dry_run { "would import" } else { "imported" };
        let mut text = format!("{verb} {} users", names.len());
        if !names.is_empty() {
            text += &format!(": {}", names.join(", "));
        }
        for line in &read.bad {
            text += &format!("\nskipped {line}");
        }
        if role.is_none() && !names.is_empty() {
            text += "\nthey may do nothing yet: lictor grant add NAME --role viewer";
        }
        let json = json!({ "imported": names, "dry_run": self.dry_run, "role": role, "problems": read.bad });
        let code = u8::from(self.dry_run && !read.bad.is_empty());
        Printed::new(text, json).with_code(code)
    }
}

fn read_lines(text: &str) -> Read {
    let mut read = Read { good: Vec::new(), bad: Vec::new() };
    for (line, number) in text.lines().zip(1_usize..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match entry(line) {
            Ok((name, _)) if read.good.iter().any(|(other, _)| *other == name) => {
                read.bad.push(format!("line {number}: {name} stands in the file twice"));
            }
            Ok(entry) => read.good.push(entry),
            Err(what) => read.bad.push(format!("line {number}: {what}")),
        }
    }
    read
}

fn entry(line: &str) -> Result<(PrincipalName, String), String> {
    let entry = htpasswd::parse_line(line).map_err(|error| error.to_string())?;
    Ok((entry.name, entry.hash))
}

/// Names that are in the store already are bad lines too, so that an import is all or nothing.
async fn refuse_taken(console: &Console, read: &mut Read) -> Result<(), CliError> {
    let taken = console.store.list_principals(None).await?;
    let bad = &mut read.bad;
    read.good.retain(|(name, _)| {
        let is_taken = taken.iter().any(|principal| principal.name == *name);
        if is_taken {
            bad.push(format!("{name}: this name is taken already"));
        }
        !is_taken
    });
    Ok(())
}

async fn add_all(
    console: &Console,
    people: &[(PrincipalName, String)],
    role: Option<&RoleName>,
) -> Result<(), CliError> {
    for (done, (name, hash)) in people.iter().enumerate() {
        let new = NewPrincipal {
            kind: PrincipalKind::User,
            name: name.clone(),
            password: Some((hash.clone(), false)),
            role: role.map(|role| (role.clone(), Scope::Everywhere)),
        };
        let added = console.store.add_principal(&console.by, new).await;
        added.map_err(|source| ImportError::Stopped { name: name.clone(), done, source })?;
    }
    Ok(())
}

fn lines(count: usize) -> String {
    if count == 1 { "one line".to_owned() } else { format!("{count} lines") }
}
