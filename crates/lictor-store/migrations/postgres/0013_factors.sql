-- What a person has besides a password. The material of a code's secret is sealed; a passkey's is its public half. The
-- handle is what its device calls a passkey: one in the whole store. A code's step is that of the last code used.
CREATE TABLE factors (
    id           TEXT PRIMARY KEY NOT NULL,
    principal    TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL,
    label        TEXT NOT NULL,
    material     TEXT NOT NULL,
    handle       TEXT UNIQUE,
    last_step    BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX factors_of_principal ON factors (principal);

-- Each stands in once for a device that is lost.
CREATE TABLE recovery_codes (
    principal TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    digest    TEXT NOT NULL,
    PRIMARY KEY (principal, digest)
);

-- What was asked and not answered yet: known by the digest of a secret that the asked browser has, answered once.
CREATE TABLE challenges (
    id         TEXT PRIMARY KEY NOT NULL,
    purpose    TEXT NOT NULL,
    session    TEXT REFERENCES sessions (id) ON DELETE CASCADE,
    state      TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX challenges_of_session ON challenges (session);

-- Whoever has one of these roles must have a second factor; the role may be a built-in one.
CREATE TABLE factor_roles (
    role TEXT PRIMARY KEY NOT NULL
);

-- When its person last proved who they are, and by which second factor; empty for none.
ALTER TABLE sessions ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET proved_at = created_at;
ALTER TABLE sessions ADD COLUMN factor TEXT NOT NULL DEFAULT '';

-- What a link does: it sets a password, or takes away the second factors.
ALTER TABLE reset_links ADD COLUMN purpose TEXT NOT NULL DEFAULT 'password';
