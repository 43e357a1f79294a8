-- What the body of an inspected operation needed besides it; empty where none was looked at.
ALTER TABLE audit ADD COLUMN demands TEXT NOT NULL DEFAULT '';

-- Who answers for an automation: whoever made it, or last changed what it does. No reference to principals, for an owner
-- who is removed is what this is for.
CREATE TABLE automations (
    id             TEXT NOT NULL,
    workspace      TEXT NOT NULL,
    name           TEXT NOT NULL,
    owner_resource TEXT NOT NULL,
    principal      TEXT NOT NULL,
    principal_name TEXT NOT NULL,
    demands        TEXT NOT NULL,
    saved_at       INTEGER NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;
