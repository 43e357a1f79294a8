//! How does the shell know the commands?

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::printed::Printed;

/// `lictor completions`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lictor completions bash > ~/.local/share/bash-completion/completions/lictor")]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub(crate) fn run(&self) -> Printed {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "lictor", &mut script);
        Printed::new(String::from_utf8_lossy(&script), serde_json::Value::Null)
    }
}
