CREATE TABLE teams (
    id          TEXT PRIMARY KEY NOT NULL,
    name        TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

-- A source is empty for what was made by hand, and sso:PROVIDER for what a sign-in rule made.
CREATE TABLE team_members (
    team       TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    principal  TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    source     TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    PRIMARY KEY (team, principal, source)
) STRICT;
CREATE INDEX team_members_of_principal ON team_members (principal);

CREATE TABLE team_grants (
    id         TEXT PRIMARY KEY NOT NULL,
    team       TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    role       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    workspace  TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (team, role, scope, workspace)
) STRICT;
CREATE INDEX team_grants_of_role ON team_grants (role);

-- One grant may have several sources, so the source is part of what is unique; SQLite changes that only by a new table.
CREATE TABLE sourced_grants (
    id         TEXT PRIMARY KEY NOT NULL,
    principal  TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    role       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    workspace  TEXT NOT NULL,
    source     TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    UNIQUE (principal, role, scope, workspace, source)
) STRICT;
INSERT INTO sourced_grants (id, principal, role, scope, workspace, created_at)
    SELECT id, principal, role, scope, workspace, created_at FROM grants;
DROP TABLE grants;
ALTER TABLE sourced_grants RENAME TO grants;
CREATE INDEX grants_of_role ON grants (role);

-- The built-in role that a role of one's own is based on; null for none.
ALTER TABLE roles ADD COLUMN base TEXT;
