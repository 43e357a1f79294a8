-- Who manages the account without being an owner of it.
CREATE TABLE account_admins (
    principal  TEXT PRIMARY KEY NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL
);

-- What the last applied file listed: what it lists no more is removed, and what it never listed stays.
CREATE TABLE managed (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (kind, name)
);
