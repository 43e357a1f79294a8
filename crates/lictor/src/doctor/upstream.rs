//! Is the Prefect Server there, supported, closed to all but Lictor, and open to Lictor?

use lictor_model::{Clock, Secret};

use super::Report;
use super::answers::{self, Support};
use super::handshake::{self, Welcome};
use crate::config::{Upstream, Workspace};
use crate::probe::{self, Answer};

const VERSION_PATH: &str = "/api/admin/version";

/// Probes one workspace's server, each replica of it on its own.
pub(crate) async fn check(workspace: &Workspace, clock: &Clock, report: &mut Report) {
    let is_one = workspace.others.is_empty();
    for (number, at) in workspace.upstreams().enumerate() {
        let which = if is_one { String::new() } else { format!(" replica {}", number + 1) };
        let name = format!("upstream {}{which}", workspace.name);
        check_one(&name, workspace, at, clock, report).await;
    }
}

async fn check_one(name: &str, workspace: &Workspace, at: &Upstream, clock: &Clock, report: &mut Report) {
    let auth = workspace.auth_string.as_ref();
    let answer = match probe::get(at, VERSION_PATH, auth).await {
        Ok(answer) => answer,
        Err(error) => {
            report.fail(
                name,
                format!("{at}: {error}; start Prefect Server, or correct workspaces.{}.upstream", workspace.name),
            );
            return;
        }
    };
    if !check_version(name, workspace, at, &answer, report) {
        return;
    }
    check_clock(name, &answer, clock, report);
    check_closed(name, at, auth, report).await;
    check_sockets(name, at, auth, report).await;
    check_csrf(name, at, auth, report).await;
}

fn check_version(name: &str, workspace: &Workspace, at: &Upstream, answer: &Answer, report: &mut Report) -> bool {
    match answer.status {
        200 => {}
        401 | 403 => {
            report.fail(name, format!("{at} refuses Lictor's credential (HTTP {}): make the auth string of workspace {} the server's PREFECT_SERVER_API_AUTH_STRING", answer.status, workspace.name));
            return false;
        }
        status => {
            report.fail(name, format!("{at} answers HTTP {status} on {VERSION_PATH}: this is no Prefect Server, or it is under a base path"));
            return false;
        }
    }
    let version: String = serde_json::from_slice(&answer.body).unwrap_or_default();
    match answers::support(&version) {
        Support::Tested => report.ok(name, format!("{at} is Prefect Server {version}")),
        Support::Newer => report.warn(name, format!("{at} is Prefect Server {version}, newer than the versions tested (3.0 to 3.8): operations that are new in it are refused")),
        Support::Unsupported => {
            report.fail(name, format!("{at} is not a Prefect Server 3.x (version {version:?})"));
        }
    }
    true
}

fn check_clock(name: &str, answer: &Answer, clock: &Clock, report: &mut Report) {
    let check = format!("{name} clock");
    let date = answer.headers.get(http::header::DATE).and_then(|date| date.to_str().ok());
    match date.and_then(|date| answers::skew(date, clock.now())) {
        None => report.warn(&check, "the server sends no Date, so its clock is not known"),
        Some(skew) if skew.abs() <= 5 => report.ok(&check, "agrees with this machine's"),
        Some(skew) => report.warn(
            &check,
            format!("is {skew} s off this machine's: set both by NTP, or the record and Prefect's own times disagree"),
        ),
    }
}

async fn check_closed(name: &str, at: &Upstream, auth: Option<&Secret>, report: &mut Report) {
    let check = format!("{name} without Lictor");
    match probe::get(at, VERSION_PATH, None).await {
        Ok(answer) if answer.status == 200 => {
            let set = if auth.is_some() {
                "its PREFECT_SERVER_API_AUTH_STRING is not in force"
            } else {
                "it has no auth string"
            };
            report.warn(&check, format!("ANYBODY WHO REACHES {at} PASSES BY LICTOR: {set}. Set PREFECT_SERVER_API_AUTH_STRING on the server and auth_string_file here, and let nothing but Lictor reach its port"));
        }
        Ok(answer) => report.ok(&check, format!("refused (HTTP {})", answer.status)),
        Err(error) => report.warn(&check, format!("could not be tried: {error}")),
    }
}

async fn check_sockets(name: &str, at: &Upstream, auth: Option<&Secret>, report: &mut Report) {
    let check = format!("{name} websockets");
    match handshake::knock(at, "/api/events/out", auth).await {
        Ok(Welcome::LetIn) => report.ok(&check, "/api/events/out lets Lictor in"),
        Ok(Welcome::WithoutQuestions) => report.ok(&check, "/api/events/out is open without a handshake (an older server)"),
        Ok(Welcome::Refused(how)) => report.fail(&check, format!("/api/events/out refuses Lictor ({how}): events, logs and cancellation will not work; is there a proxy in between that does not pass upgrades, or another auth string?")),
        Err(error) => report.fail(&check, format!("/api/events/out: {error}")),
    }
    if auth.is_none() {
        return;
    }
    let check = format!("{name} /api/events/in without a credential");
    match handshake::knock(at, "/api/events/in", None).await {
        Ok(Welcome::Refused(how)) => report.ok(&check, format!("refused ({how})")),
        Ok(Welcome::LetIn | Welcome::WithoutQuestions) => report.warn(&check, "accepted: servers up to 3.6.10 take events from anybody who reaches their port. Let nothing but Lictor reach it, or upgrade Prefect Server"),
        Err(error) => report.warn(&check, format!("could not be tried: {error}")),
    }
}

/// Prefect Cloud's clients send no CSRF token, so a server that wants one refuses all that they write.
async fn check_csrf(name: &str, at: &Upstream, auth: Option<&Secret>, report: &mut Report) {
    let check = format!("{name} CSRF protection");
    match probe::get(at, "/api/csrf-token?client=lictor-doctor", auth).await {
        Ok(answer) if answer.status == 200 => report.warn(&check, "is on, and clients in Cloud mode send no token: unset PREFECT_SERVER_CSRF_PROTECTION_ENABLED on the server; Lictor protects browsers itself"),
        Ok(_) => report.ok(&check, "is off, as clients in Cloud mode need it"),
        Err(error) => report.warn(&check, format!("could not be tried: {error}")),
    }
}
