-- What replicas share while a certificate authority issues our certificate (ACME): the account, certificates, challenges under way, how the last
-- attempt went, and who makes the next. Keys in it are sealed.
CREATE TABLE acme (
    name    TEXT PRIMARY KEY NOT NULL,
    value   TEXT NOT NULL,
    -- Of no use after that.
    ends_at BIGINT NOT NULL
);
