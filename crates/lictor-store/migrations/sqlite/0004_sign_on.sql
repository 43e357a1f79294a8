-- Who a provider's person is here: bound to the provider's own id for them, never to a name or an address.
CREATE TABLE external_accounts (
    issuer       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    principal    TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    provider     TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    confirmed_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT;
CREATE INDEX external_accounts_of_principal ON external_accounts (principal);

-- What a session that began at a provider needs to be rechecked and ended there; both tokens are sealed.
CREATE TABLE external_sessions (
    session       TEXT PRIMARY KEY NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    principal     TEXT NOT NULL,
    provider      TEXT NOT NULL,
    issuer        TEXT NOT NULL,
    subject       TEXT NOT NULL,
    sid           TEXT,
    refresh_token TEXT,
    id_token      TEXT,
    checked_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX external_sessions_of_subject ON external_sessions (issuer, subject);
CREATE INDEX external_sessions_of_sid ON external_sessions (issuer, sid);

-- What counts once: the state of a sign-in, the id of a logout token. Kept until it would not be believed anyway.
CREATE TABLE spent (
    id    TEXT PRIMARY KEY NOT NULL,
    until INTEGER NOT NULL
) STRICT;
