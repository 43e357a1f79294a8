//! The program: what did the person at the terminal ask for?

mod acme;
mod address;
mod app;
mod cli;
mod config;
mod connect;
mod doctor;
mod expiring;
mod mail;
mod prefect_profiles;
mod probe;
mod remote;
mod routes;
mod supervise;
mod tls;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let json = cli.json;
    match cli::run(cli) {
        Ok(printed) => {
            let code = printed.code;
            // A closed pipe (`lictor audit list | head`) is no failure.
            let _ = std::io::stdout().write_all(printed.into_output(json).as_bytes());
            ExitCode::from(code)
        }
        Err(error) => {
            eprintln!("lictor: {error}");
            ExitCode::FAILURE
        }
    }
}
