//! Would a notice leave?

use super::Report;
use crate::config::mail::Mail;
use crate::mail::{MailError, Mailer};

/// Connects to the mail server as a notice would, and sends nothing.
pub(crate) async fn check(mail: Option<&Mail>, report: &mut Report) {
    let Some(mail) = mail else { return };
    let server = format!("{}:{}", mail.server.host, mail.server.port);
    match try_out(mail).await {
        Ok(()) => report.ok("mail", format!("{server} takes our connection")),
        Err(error) => report.fail("mail", format!("{server}: {error}")),
    }
    if mail.to.is_empty() {
        let found =
            "mail.to names nobody, so nobody hears of keys whose owners have no address (`lictor user set-email`)";
        report.warn("mail", found);
    }
}

async fn try_out(mail: &Mail) -> Result<(), MailError> {
    Mailer::new(mail)?.try_out().await
}
