//! How does a letter leave? Over SMTP with TLS, one connection a letter.

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use crate::config::mail::{Mail, Security};

const DEADLINE: Duration = Duration::from_secs(30);

/// A letter did not leave.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    /// The CA file.
    #[error("cannot read {}: {source}", path.display())]
    CaFile {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The server said no, or nothing; or its certificate is not trusted.
    #[error("the mail server does not take it: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
    /// No letter can be made of it.
    #[error("no letter can be made: {0}")]
    Letter(#[from] lettre::error::Error),
    /// It takes the connection, and then says nothing.
    #[error("the mail server does not answer within {} seconds", .0.as_secs())]
    Late(Duration),
    /// It hangs up at once.
    #[error("the mail server hangs up")]
    HangsUp,
}

/// Sends letters.
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// As the configuration says.
    ///
    /// # Errors
    /// [`MailError::CaFile`], [`MailError::Smtp`] when its certificates cannot be used.
    pub(crate) fn new(mail: &Mail) -> Result<Self, MailError> {
        let server = &mail.server;
        let protection = match server.security {
            Security::ThisMachine => Tls::None,
            Security::Tls => Tls::Wrapper(tls(mail)?),
            Security::StartTls => Tls::Required(tls(mail)?),
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host);
        let builder = builder.port(server.port).tls(protection).timeout(Some(DEADLINE));
        let builder = match &mail.credential {
            Some((user, password)) => builder.credentials(Credentials::new(user.clone(), password.expose().to_owned())),
            None => builder,
        };
        Ok(Self { transport: builder.build(), from: mail.from.clone() })
    }

    /// Sends one letter.
    ///
    /// # Errors
    /// [`MailError`].
    pub(crate) async fn send(&self, to: &[Mailbox], subject: &str, text: String) -> Result<(), MailError> {
        let mut letter = Message::builder().from(self.from.clone()).subject(subject).header(ContentType::TEXT_PLAIN);
        // So that nobody's absence answers it (RFC 3834).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        letter = letter.raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
        for each in to {
            letter = letter.to(each.clone());
        }
        in_time(self.transport.send(letter.body(text)?)).await.map(drop)
    }

    /// Whether the server is there and knows us, without a letter.
    ///
    /// # Errors
    /// [`MailError`].
    pub(crate) async fn try_out(&self) -> Result<(), MailError> {
        if in_time(self.transport.test_connection()).await? { Ok(()) } else { Err(MailError::HangsUp) }
    }
}

/// The transport's own deadline is for connecting alone.
async fn in_time<T>(work: impl Future<Output = Result<T, lettre::transport::smtp::Error>>) -> Result<T, MailError> {
    Ok(tokio::time::timeout(DEADLINE, work).await.map_err(|_| MailError::Late(DEADLINE))??)
}

fn tls(mail: &Mail) -> Result<TlsParameters, MailError> {
    let builder = TlsParameters::builder(mail.server.host.clone());
    let builder = match &mail.ca_file {
        Some(path) => {
            let pem = std::fs::read(path).map_err(|source| MailError::CaFile { path: path.clone(), source })?;
            builder.certificate_store(CertificateStore::None).add_root_certificate(Certificate::from_pem(&pem)?)
        }
        None => builder,
    };
    Ok(builder.build_rustls()?)
}
