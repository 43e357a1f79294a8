-- A link by which a user sets a password: one a user, made by an administrator, used once.
CREATE TABLE reset_links (
    principal  TEXT PRIMARY KEY NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    id         TEXT NOT NULL UNIQUE,
    digest     TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Whose passwords are not looked at for a while; an empty account or address is any. What was lifted stays until its
-- end, so that every replica hears of it.
CREATE TABLE bans (
    account   TEXT NOT NULL,
    address   TEXT NOT NULL,
    cause     TEXT NOT NULL,
    began_at  BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL,
    lifted_at BIGINT,
    PRIMARY KEY (account, address)
);
INSERT INTO changes (name, version) VALUES ('bans', 1);
