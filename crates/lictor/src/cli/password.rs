//! Where do passwords come from? A prompt or standard input, never an argument that the process list shows.

use std::io::{BufRead, IsTerminal};

use lictor_model::{PrincipalName, Secret};

/// No usable password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// Nobody to ask.
    #[error("no password was given and standard input is not a terminal: pipe it in with --password-stdin")]
    NotATerminal,
    /// Twice, differently.
    #[error("the two passwords differ; nothing was changed")]
    Differ,
    /// Nothing came in.
    #[error("standard input is empty: --password-stdin reads one line, the password")]
    Empty,
    /// Too weak.
    #[error(transparent)]
    Weak(#[from] lictor_authn::password::policy::PolicyError),
    /// Argon2id failed.
    #[error(transparent)]
    Hash(#[from] lictor_authn::password::HashError),
    /// The terminal or the pipe failed.
    #[error("the password cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// Asks for a new password and checks that it is good enough.
///
/// # Errors
/// [`PasswordError`], which says what to do instead.
pub(crate) fn read_new(from_stdin: bool, name: &PrincipalName) -> Result<Secret, PasswordError> {
    let password = if from_stdin { one_line()? } else { ask_twice(name)? };
    lictor_authn::password::policy::check(password.expose(), name.as_str())?;
    Ok(password)
}

fn one_line() -> Result<Secret, PasswordError> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let line = line.trim_end_matches(['\r', '\n']);
    if line.is_empty() { Err(PasswordError::Empty) } else { Ok(Secret::new(line)) }
}

fn ask_twice(name: &PrincipalName) -> Result<Secret, PasswordError> {
    if !std::io::stdin().is_terminal() {
        return Err(PasswordError::NotATerminal);
    }
    let first = rpassword::prompt_password(format!("New password of {name}: "))?;
    let second = rpassword::prompt_password("The same again: ")?;
    if first == second { Ok(Secret::new(first)) } else { Err(PasswordError::Differ) }
}
