-- Who manages the account without being an owner of it.
CREATE TABLE account_admins (
    principal  TEXT PRIMARY KEY NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT;
