//! Why was it refused? Stable codes, each with its HTTP status and what to change.

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $advice:literal;)+) => {
        /// Why a request was refused. The code is stable: scripts, alerts and tests may rest on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $variant),+ }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant),+];

            /// The stable kebab-case code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Reason::$variant => $code),+ }
            }

            /// The HTTP status that answers with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Reason::$variant => $status),+ }
            }

            /// One sentence: what is wrong and what to change.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Reason::$variant => $advice),+ }
            }
        }
    };
}

reasons! {
    // Who is calling?
    /// Nothing was presented.
    AuthenticationRequired = "authentication-required", 401,
        "Sign in, or set PREFECT_API_AUTH_STRING to \"user:key\".";
    /// The header is no credential that we can read.
    MalformedCredential = "malformed-credential", 401,
        "The Authorization header must be \"Basic\" with base64, or \"Bearer\" with an API key or a token of a listed issuer.";
    /// A key whose check does not fit.
    MistypedKey = "mistyped-key", 401, "The API key is mistyped or cut off. Copy it again, whole.";
    /// A well-formed key that nobody has.
    UnknownKey = "unknown-key", 401, "This API key is not known here. Make one with \"lictor key create\".";
    /// A revoked key.
    RevokedKey = "revoked-key", 401, "This API key was revoked. Make a new one with \"lictor key create\".";
    /// A key that an administrator has put out of use for a while.
    DisabledKey = "disabled-key", 401, "This API key is disabled. Ask an owner to enable it (\"lictor key enable\").";
    /// A key past its expiry, or older than the roles of its owner allow.
    ExpiredKey = "expired-key", 401, "This API key has expired. Make a new one with \"lictor key create\".";
    /// `user:KEY` where the key belongs to somebody else.
    KeyOfAnother = "key-of-another", 401, "The API key or token belongs to another name than the one before the colon.";
    /// Unknown name or wrong password; never says which.
    InvalidCredentials = "invalid-credentials", 401, "The name or the password is wrong.";
    /// The principal of a valid key or session is disabled.
    PrincipalDisabled = "principal-disabled", 401, "This account is disabled. Ask an owner to enable it.";
    /// A session that ended or never was.
    SessionEnded = "session-ended", 401, "The session has ended. Sign in again.";
    /// A client certificate that no rule leads from.
    UnknownCertificate = "unknown-certificate", 401,
        "This client certificate belongs to no account here. Add a [[certificates]] rule whose principal exists.";
    /// A client certificate of which two rules say different things.
    AmbiguousCertificate = "ambiguous-certificate", 401,
        "The [[certificates]] rules lead from this client certificate to more than one account. Leave one of them.";
    /// A client certificate that was good at the handshake.
    CertificateNotTrusted = "certificate-not-trusted", 401,
        "This client certificate is not trusted any more: it was revoked or has expired, or its CA or revocation list has.";
    /// A token of nobody whom the configuration lists.
    UnknownIssuer = "unknown-issuer", 401, "No [issuers] table of this gateway is about whoever issued this token, or the one that this key was given for.";
    /// A token that is not what it must be.
    InvalidToken = "invalid-token", 401, "This token is not accepted.";
    /// A token past its end, or of a time that cannot be.
    ExpiredToken = "expired-token", 401, "This token has expired, or is not good yet. Get a new one from its issuer.";
    /// A token that no rule leads from.
    UnmatchedToken = "unmatched-token", 401,
        "This token is good, and no rule of its issuer leads from its claims to an account that exists here.";
    /// A token of which two rules say different things.
    AmbiguousToken = "ambiguous-token", 401,
        "The rules of its issuer lead from this token to more than one account. Leave one of them.";
    /// Two different credentials in one request.
    TwoCredentials = "two-credentials", 400, "Two different credentials were presented. Send one.";
    /// A second successor, or a successor's own before its time.
    KeyRotated = "key-rotated", 409,
        "This API key was rotated already, or the key that it replaces is still good. Use its successor, or wait until the overlap is over.";
    /// A key that a token was exchanged for, and that shall outlive it.
    KeyOfToken = "key-of-token", 409,
        "This API key was given for a token and ends with it. Exchange a newer token instead.";
    /// Throttled reports of leaked keys.
    TooManyReports = "too-many-reports", 429, "Too many leaked keys were reported from this address. Wait a minute, then report the others.";
    /// Throttled codes of programs that ask to be let in.
    TooManyCodes = "too-many-codes", 429, "Too many codes were asked for or typed. Wait a minute, then try again.";
    /// An answer of an identity provider that belongs to no sign-in under way.
    SignOnExpired = "sign-on-expired", 400,
        "The sign-in took too long, was completed already, or was begun in another browser. Begin again.";
    /// An answer of an identity provider that is not believed.
    SignOnRejected = "sign-on-rejected", 400, "The identity provider's answer was not accepted. Begin again.";
    /// The identity provider did not sign the person in.
    ProviderRefused = "provider-refused", 403, "The identity provider did not sign this person in.";
    /// The identity provider vouches for somebody whom no rule lets in.
    SignOnRefused = "sign-on-refused", 403,
        "No sign-in rule lets this person in. Ask whoever runs this gateway for a rule that does.";
    /// A password where only the break-glass account has one.
    PasswordsClosed = "passwords-closed", 401,
        "Passwords are not accepted here: sign in through the identity provider, and use an API key in programs.";
    /// A password or a session without the second factor that the account has or must have.
    SecondFactorRequired = "second-factor-required", 401,
        "This account needs its second factor: give it in a browser (open /lictor/confirm), and use an API key in programs.";
    /// A code that is wrong or was used, or a passkey that was not accepted.
    WrongSecondFactor = "wrong-second-factor", 401, "The second factor was not accepted: it is wrong, or was used before.";
    /// A change for which one's last proof of who one is is too old.
    ConfirmationRequired = "confirmation-required", 403,
        "Confirm that it is you before this: open /lictor/confirm in the browser.";
    /// Throttled sign-in.
    TooManyFailures = "too-many-failures", 429,
        "Too many failed sign-ins. Wait as long as Retry-After says, or ask an administrator to lift the ban.";
    /// A socket's first frame had no token, though the client has one to give.
    SocketWithoutCredential = "socket-without-credential", 401,
        "This client sends no credential on websockets: set PREFECT_CLOUD_API_URL to the same as PREFECT_API_URL, or PREFECT_API_AUTH_STRING to \"user:key\" instead of PREFECT_API_KEY.";
    /// No authentication frame in time.
    AuthenticationTimeout = "authentication-timeout", 401, "No credential arrived within 10 seconds.";
    /// The first frame is not the authentication frame.
    MalformedAuthFrame = "malformed-auth-frame", 401,
        "The first frame must be text: {\"type\": \"auth\", \"token\": \"...\"}.";

    // May they?
    /// A workspace that is reached with a client certificate alone.
    CertificateRequired = "certificate-required", 403,
        "This workspace is reached only over a connection with a client certificate: use \"lictor connect\" beside a program, or install a certificate in the browser.";
    /// A browser whose password must be changed first.
    PasswordChangeRequired = "password-change-required", 403,
        "The password must be changed before anything else: open /lictor/account/password.";
    /// The principal has no grant in the workspace.
    NotAMember = "not-a-member", 403, "This account has no role in this workspace. Ask an owner for one.";
    /// A permission is lacking.
    PermissionDenied = "permission-denied", 403, "The roles of this account do not allow this.";
    /// The key's owner may, and the key may not.
    KeyTooNarrow = "key-too-narrow", 403, "This API key was made for less than this. Use a wider one.";
    /// A change by an owner who looks through somebody else's rights.
    ViewOnly = "view-only", 403, "You view as somebody else, which changes nothing. Stop viewing first: the button is on each page.";
    /// A key from outside its networks.
    KeyFromElsewhere = "key-from-elsewhere", 403, "This API key may not be used from this address.";
    /// A page token that was not given to this account.
    UnknownPageToken = "unknown-page-token", 400,
        "This link to a page of events was not given to this account here. Ask for the first page again.";
    /// A decision endpoint was asked about what stands in a body or changes an answer.
    BodyNotSeen = "body-not-seen", 403,
        "What this asks for stands in its body, which a proxy does not show when it asks for a decision. Send this path through Lictor itself.";
    /// A decision endpoint was asked about a socket that says in frames who it is or what it wants.
    FrameNotSeen = "frame-not-seen", 403,
        "This websocket says in its first frames who it is or what it wants, which a proxy does not show when it asks for a decision. Send websockets through Lictor itself.";
    /// Not in the table.
    UnknownOperation = "unknown-operation", 403, "This is not an operation of Prefect that Lictor knows, so it is refused.";
    /// In the table, for nobody.
    OperationClosed = "operation-closed", 403, "This operation is closed to everybody behind Lictor.";
    /// A cookie-borne write or upgrade from elsewhere.
    CrossOrigin = "cross-origin", 403, "A browser's session may act only from Lictor's own pages.";
    /// A cookie on a websocket.
    SessionOnSocket = "session-on-socket", 403, "A browser's session cannot open a websocket. Use an API key.";

    /// A cookie at an address for programs, which leads to workspaces of other hosts too.
    SessionAtCloudAddress = "session-at-cloud-address", 403,
        "A browser's session is not accepted at a Cloud address. Use an API key, or the workspace's own address.";

    /// A part of Prefect's package that nobody needs, or a page of ours that is not.
    NotFound = "not-found", 404, "There is nothing here.";
    /// A link to set a password that is not good any more, or never was.
    ResetLinkEnded = "reset-link-ended", 410,
        "This link was used, has expired, or never was. Ask an administrator for another.";

    // Is it something that can be managed like this?
    /// A second thing of one name.
    NameTaken = "name-taken", 409, "There is one of this name already. Choose another name.";
    /// Nobody could manage Lictor any more.
    LastOwner = "last-owner", 409,
        "This is the last enabled user with the role owner everywhere. Give another user that role first.";
    /// As things are, it cannot be done.
    StateConflict = "state-conflict", 409, "As things are this cannot be done; the detail says what stands in the way.";
    /// A well-formed request with a value that is of no use.
    UnusableValue = "unusable-value", 422, "A value is not usable here; the detail says which one, and what to change.";
    /// A cursor that no page gave.
    UnknownCursor = "unknown-cursor", 400, "This cursor was not given by the page before. Begin without one.";

    // Is it a request that reads one way only?
    /// Path that could be read two ways.
    AmbiguousPath = "ambiguous-path", 400, "The path can be read in two ways. Send it without encoded separators, dot segments or empty segments.";
    /// A proxy's question that names no request, or two.
    MalformedDecision = "malformed-decision", 400,
        "The proxy did not say, once each, which method and URI it asks about. See the guide \"Behind your own proxy\".";
    /// Request target that is not a path.
    MalformedTarget = "malformed-target", 400, "The request target must be an absolute path.";
    /// Ambiguous or malformed framing.
    MalformedFraming = "malformed-framing", 400, "The request's framing is ambiguous. Send one Content-Length, or Transfer-Encoding: chunked.";
    /// Missing, repeated or malformed Host.
    MalformedHost = "malformed-host", 400, "Send exactly one valid Host header.";
    /// A host that is not served here.
    UnknownHost = "unknown-host", 421, "This host name is not served here.";
    /// A header that must stand once stands twice, or has a forbidden byte.
    MalformedHeader = "malformed-header", 400, "A header that must stand once is repeated, or is malformed.";
    /// Method we never forward.
    MethodNotAllowed = "method-not-allowed", 405, "This method is not allowed.";
    /// An upgrade that is no RFC 6455 handshake.
    MalformedUpgrade = "malformed-upgrade", 400, "This is not a valid websocket handshake (RFC 6455 section 4.1).";
    /// A socket asked for without the upgrade that makes it one.
    UpgradeRequired = "upgrade-required", 426, "This is a websocket: ask for an upgrade to \"websocket\".";
    /// A query whose reading the decision rests on is malformed.
    MalformedQuery = "malformed-query", 400, "The query string is malformed.";
    /// A body whose reading the decision rests on is malformed.
    MalformedBody = "malformed-body", 400, "The body must be one JSON value in UTF-8, without duplicate keys.";
    /// Too large.
    BodyTooLarge = "body-too-large", 413, "The body is larger than this gateway allows (limits.body_bytes).";
    /// Headers over the limit.
    HeadersTooLarge = "headers-too-large", 431, "The request's headers are larger than 64 KiB.";
    /// The client was too slow.
    RequestTimeout = "request-timeout", 408, "The request did not arrive in time.";

    // Trouble of our own: never 401 or 403, which would kill a Prefect worker.
    /// Prefect cannot be reached.
    UpstreamUnavailable = "upstream-unavailable", 503, "Prefect Server cannot be reached at the moment.";
    /// Prefect did not answer in time.
    UpstreamTimeout = "upstream-timeout", 503, "Prefect Server did not answer in time.";
    /// Prefect's answer was not HTTP that we relay.
    UpstreamMalformed = "upstream-malformed", 502, "Prefect Server's answer was malformed.";
    /// An identity provider cannot be asked.
    ProviderUnavailable = "provider-unavailable", 503, "The identity provider cannot be asked at the moment.";
    /// An issuer's keys, or its word on a token, cannot be had.
    IssuerUnavailable = "issuer-unavailable", 503, "The issuer of this token cannot be asked at the moment.";
    /// Our store is away and the answer is not in memory.
    StoreUnavailable = "store-unavailable", 503, "Lictor's database cannot be reached at the moment.";
    /// The audit event could not be written.
    AuditUnavailable = "audit-unavailable", 503, "The change could not be recorded, so its outcome is withheld. Check Lictor's database.";
    /// A limit on concurrent requests or sockets.
    TooBusy = "too-busy", 503, "Too many requests or websockets at once. Try again shortly.";
    /// A principal's own limit on sockets.
    TooManySockets = "too-many-sockets", 503, "This account has too many open websockets.";
    /// Shutting down.
    Draining = "draining", 503, "Lictor is restarting. Try again shortly.";
    /// A fault of ours.
    InternalError = "internal-error", 503, "A fault inside Lictor; the log has the request id.";
}

impl Reason {
    /// Reads a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}
