//! Is everything around the gateway as it should be?

use std::path::Path;

use clap::Args;
use lictor_model::{Clock, Secret};
use serde_json::json;

use super::error::CliError;
use super::printed::Printed;
use super::target::{Place, Target, store_url_in};
use super::upstreams;
use crate::config::tls::Certificate;
use crate::config::{self, ConfigError, Plan, Tls};
use crate::doctor::{Report, acme, gateway, issuers, keys, mail, providers, store, tls, upstream};
use crate::tls::own::Own;

/// `lictor doctor`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lictor doctor --config lictor.toml\n  lictor doctor --data ~/.local/share/lictor\n\nExit code 1 when a check fails; warnings do not count."
)]
pub(crate) struct Doctor {}

impl Doctor {
    /// Checks and probes.
    pub(crate) fn run(&self, target: &Target) -> Result<Printed, CliError> {
        let place = target.place()?;
        let report = super::runtime()?.block_on(async {
            match &place {
                Place::Config(file) => of_config(file).await,
                Place::Data(data) => of_data(data).await,
            }
        })?;
        let json = json!({ "ok": !report.has_failed(), "checks": report.findings() });
        let code = u8::from(report.has_failed());
        Ok(Printed::new(report.as_text(), json).with_code(code))
    }
}

async fn of_config(file: &Path) -> Result<Report, CliError> {
    let mut report = Report::default();
    let plan = match config::read(file) {
        Ok(plan) => plan,
        Err(error @ ConfigError::Unreadable { .. }) => return Err(error.into()),
        Err(ConfigError::Wrong { problems, .. }) => {
            for problem in problems {
                report.fail("configuration", problem.to_string());
            }
            return Ok(report);
        }
    };
    report.ok("configuration", format!("{} is right", file.display()));
    of_store(&plan.store_url, &mut report).await;
    let clock = Clock::system();
    for workspace in &plan.workspaces {
        upstream::check(workspace, &clock, &mut report).await;
    }
    providers::check(&plan.sign_in.providers, &clock, &mut report).await;
    issuers::check(&plan.sign_in.issuers, &plan.store_url, &clock, &mut report).await;
    mail::check(plan.mail.as_ref(), &mut report).await;
    of_listener(&plan, &mut report);
    if let Some(Certificate::Acme(acme)) = plan.tls.as_ref().map(|tls| &tls.certificate) {
        acme::check(acme, &plan.store_url, &plan.sign_in, &clock, &mut report).await;
    }
    if let Some(passed) = &plan.certificate_header {
        tls::check_passed(&passed.clients, &clock, &mut report);
    }
    tls::check_rules(&plan.store_url, &plan.certificates, &mut report).await;
    Ok(report)
}

async fn of_store(url: &Secret, report: &mut Report) {
    store::check(url, report).await;
    gateway::check(url, &Clock::system(), report).await;
    keys::check(url, &Clock::system(), report).await;
}

fn of_listener(plan: &Plan, report: &mut Report) {
    match &plan.tls {
        Some(tls) => tls::check(tls, &Clock::system(), report),
        None if plan.listen.ip().is_loopback() => report.ok("tls", "plain HTTP on loopback"),
        None if !plan.trusted_proxies.is_empty() => {
            report.ok("tls", "plain HTTP; the trusted proxies in front are expected to speak TLS to clients");
        }
        None => report.warn("tls", format!("credentials cross the network in clear on {}: set tls.cert_file and tls.key_file, or put a TLS proxy in front and name it in trusted_proxies", plan.listen)),
    }
}

/// A data directory has its store to look at, and knows the Prefect Server of its `lictor up`.
async fn of_data(data: &Path) -> Result<Report, CliError> {
    if !data.is_dir() {
        return Err(super::target::TargetError::Absent(data.to_path_buf()).into());
    }
    let mut report = Report::default();
    of_store(&store_url_in(data), &mut report).await;
    if let Some(own) = Own::find(data) {
        let (cert_file, key_file) = own.files();
        tls::check(&Tls::of_files(cert_file, key_file), &Clock::system(), &mut report);
    }
    match config::sign_in::file_of_up(None, data).sign_in() {
        Ok(sign_in) => {
            providers::check(&sign_in.providers, &Clock::system(), &mut report).await;
            issuers::check(&sign_in.issuers, &store_url_in(data), &Clock::system(), &mut report).await;
        }
        Err(error) => report.fail("providers", error.to_string()),
    }
    match upstreams::of_data(data) {
        Ok(workspace) => upstream::check(&workspace, &Clock::system(), &mut report).await,
        Err(CliError::Upstreams(unknown)) => report.ok("upstream default", format!("not probed: {unknown}")),
        Err(error) => report.fail("upstream default", error.to_string()),
    }
    Ok(report)
}
