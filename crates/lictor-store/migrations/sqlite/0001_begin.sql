-- Text ids, microseconds since the Unix epoch as integers, booleans as 0 and 1, JSON as text: as in ../postgres.

-- One row per thing that replicas hold in memory; a change bumps it in its own transaction.
CREATE TABLE changes (
    name    TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL
) STRICT;
INSERT INTO changes (name, version) VALUES ('directory', 1), ('sessions', 1);

CREATE TABLE meta (
    name  TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE principals (
    id         TEXT PRIMARY KEY NOT NULL,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL UNIQUE,
    disabled   INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE passwords (
    id          TEXT PRIMARY KEY NOT NULL,
    principal   TEXT NOT NULL UNIQUE REFERENCES principals (id) ON DELETE CASCADE,
    hash        TEXT NOT NULL,
    must_change INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id                       TEXT PRIMARY KEY NOT NULL,
    principal                TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    label                    TEXT NOT NULL,
    digest                   TEXT NOT NULL UNIQUE,
    hint                     TEXT NOT NULL,
    created_at               INTEGER NOT NULL,
    expires_at               INTEGER,
    revoked_at               INTEGER,
    last_used_at             INTEGER,
    last_used_ip             TEXT NOT NULL DEFAULT '',
    last_used_client_version TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX api_keys_of_principal ON api_keys (principal);

CREATE TABLE roles (
    name        TEXT PRIMARY KEY NOT NULL,
    description TEXT NOT NULL,
    permissions TEXT NOT NULL
) STRICT;

CREATE TABLE grants (
    id         TEXT PRIMARY KEY NOT NULL,
    principal  TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    role       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    workspace  TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (principal, role, scope, workspace)
) STRICT;
CREATE INDEX grants_of_role ON grants (role);

CREATE TABLE sessions (
    id           TEXT PRIMARY KEY NOT NULL,
    principal    TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    digest       TEXT NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    client_ip    TEXT NOT NULL,
    user_agent   TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_of_principal ON sessions (principal);

CREATE TABLE audit (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE,
    at              INTEGER NOT NULL,
    actor_id        TEXT NOT NULL,
    actor_kind      TEXT,
    actor_name      TEXT NOT NULL,
    credential_kind TEXT,
    credential_id   TEXT,
    client_ip       TEXT NOT NULL,
    operation       TEXT NOT NULL,
    object          TEXT NOT NULL,
    workspace       TEXT,
    outcome         TEXT NOT NULL,
    reason          TEXT NOT NULL,
    status          INTEGER NOT NULL,
    request         TEXT
) STRICT;
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_actor_name ON audit (actor_name, seq);
CREATE INDEX audit_actor_id ON audit (actor_id, seq);
CREATE INDEX audit_operation ON audit (operation, seq);

-- The record is added to, never edited.
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit table is append-only');
END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit table is append-only');
END;
