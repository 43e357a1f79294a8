CREATE TABLE teams (
    id          TEXT PRIMARY KEY NOT NULL,
    name        TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    created_at  BIGINT NOT NULL
);

-- A source is empty for what was made by hand, and sso:PROVIDER for what a sign-in rule made.
CREATE TABLE team_members (
    team       TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    principal  TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    source     TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    PRIMARY KEY (team, principal, source)
);
CREATE INDEX team_members_of_principal ON team_members (principal);

CREATE TABLE team_grants (
    id         TEXT PRIMARY KEY NOT NULL,
    team       TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    role       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    workspace  TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (team, role, scope, workspace)
);
CREATE INDEX team_grants_of_role ON team_grants (role);

-- One grant may have several sources, so the source is part of what is unique.
ALTER TABLE grants ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE grants DROP CONSTRAINT grants_principal_role_scope_workspace_key;
ALTER TABLE grants ADD UNIQUE (principal, role, scope, workspace, source);

-- The built-in role that a role of one's own is based on; null for none.
ALTER TABLE roles ADD COLUMN base TEXT;
