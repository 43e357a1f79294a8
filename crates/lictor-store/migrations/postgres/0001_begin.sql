-- Text ids, microseconds since the Unix epoch as integers, booleans as 0 and 1, JSON as text: as in ../sqlite.

-- One row per thing that replicas hold in memory; a change bumps it in its own transaction.
CREATE TABLE changes (
    name    TEXT PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL
);
INSERT INTO changes (name, version) VALUES ('directory', 1), ('sessions', 1);

CREATE TABLE meta (
    name  TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

CREATE TABLE principals (
    id         TEXT PRIMARY KEY NOT NULL,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL UNIQUE,
    disabled   BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE passwords (
    id          TEXT PRIMARY KEY NOT NULL,
    principal   TEXT NOT NULL UNIQUE REFERENCES principals (id) ON DELETE CASCADE,
    hash        TEXT NOT NULL,
    must_change BIGINT NOT NULL,
    changed_at  BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id                       TEXT PRIMARY KEY NOT NULL,
    principal                TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    label                    TEXT NOT NULL,
    digest                   TEXT NOT NULL UNIQUE,
    hint                     TEXT NOT NULL,
    created_at               BIGINT NOT NULL,
    expires_at               BIGINT,
    revoked_at               BIGINT,
    last_used_at             BIGINT,
    last_used_ip             TEXT NOT NULL DEFAULT '',
    last_used_client_version TEXT NOT NULL DEFAULT ''
);
CREATE INDEX api_keys_of_principal ON api_keys (principal);

CREATE TABLE roles (
    name        TEXT PRIMARY KEY NOT NULL,
    description TEXT NOT NULL,
    permissions TEXT NOT NULL
);

CREATE TABLE grants (
    id         TEXT PRIMARY KEY NOT NULL,
    principal  TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    role       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    workspace  TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (principal, role, scope, workspace)
);
CREATE INDEX grants_of_role ON grants (role);

CREATE TABLE sessions (
    id           TEXT PRIMARY KEY NOT NULL,
    principal    TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    digest       TEXT NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    client_ip    TEXT NOT NULL,
    user_agent   TEXT NOT NULL
);
CREATE INDEX sessions_of_principal ON sessions (principal);

CREATE TABLE audit (
    seq             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    at              BIGINT NOT NULL,
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
    status          BIGINT NOT NULL,
    request         TEXT
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_actor_name ON audit (actor_name, seq);
CREATE INDEX audit_actor_id ON audit (actor_id, seq);
CREATE INDEX audit_operation ON audit (operation, seq);

-- The record is added to, never edited.
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit table is append-only';
END
$$;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
