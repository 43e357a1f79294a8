-- What a version of the directory is about, so that replicas read that and not everything: somebody and all that is theirs, or with an
-- empty principal what concerns the access of many (roles, teams), or everything (the ages of keys). Written by triggers, whoever makes the change. Each version leaves a mark; a
-- replica that misses one reads everything, as it does when it is too far behind.
CREATE TABLE moved (
    version   INTEGER NOT NULL,
    what      TEXT NOT NULL,
    principal TEXT NOT NULL
) STRICT;
CREATE INDEX moved_at ON moved (version);

CREATE TRIGGER directory_moved AFTER UPDATE OF version ON changes WHEN NEW.name = 'directory' AND NEW.version <> OLD.version
BEGIN
    INSERT INTO moved (version, what, principal) VALUES (NEW.version, 'version', '');
    DELETE FROM moved WHERE version < NEW.version - 500;
END;

CREATE TRIGGER principals_insert_moved AFTER INSERT ON principals
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.id FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER principals_update_moved AFTER UPDATE ON principals
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.id FROM changes WHERE name = 'directory';
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.id FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER principals_delete_moved AFTER DELETE ON principals
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.id FROM changes WHERE name = 'directory';
END;

CREATE TRIGGER passwords_insert_moved AFTER INSERT ON passwords
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.principal FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER passwords_update_moved AFTER UPDATE ON passwords
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.principal FROM changes WHERE name = 'directory';
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.principal FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER passwords_delete_moved AFTER DELETE ON passwords
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.principal FROM changes WHERE name = 'directory';
END;

CREATE TRIGGER api_keys_insert_moved AFTER INSERT ON api_keys
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.principal FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER api_keys_update_moved AFTER UPDATE OF principal, digest, created_at, expires_at, revoked_at, disabled, narrowing, replaces, issuer ON api_keys
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.principal FROM changes WHERE name = 'directory';
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.principal FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER api_keys_delete_moved AFTER DELETE ON api_keys
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.principal FROM changes WHERE name = 'directory';
END;

CREATE TRIGGER factors_insert_moved AFTER INSERT ON factors
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.principal FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER factors_update_moved AFTER UPDATE OF principal ON factors
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.principal FROM changes WHERE name = 'directory';
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.principal FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER factors_delete_moved AFTER DELETE ON factors
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.principal FROM changes WHERE name = 'directory';
END;

CREATE TRIGGER grants_insert_moved AFTER INSERT ON grants
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.principal FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER grants_update_moved AFTER UPDATE ON grants
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.principal FROM changes WHERE name = 'directory';
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.principal FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER grants_delete_moved AFTER DELETE ON grants
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.principal FROM changes WHERE name = 'directory';
END;

CREATE TRIGGER team_members_insert_moved AFTER INSERT ON team_members
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.principal FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER team_members_update_moved AFTER UPDATE ON team_members
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.principal FROM changes WHERE name = 'directory';
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.principal FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER team_members_delete_moved AFTER DELETE ON team_members
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.principal FROM changes WHERE name = 'directory';
END;

CREATE TRIGGER account_admins_insert_moved AFTER INSERT ON account_admins
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.principal FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER account_admins_update_moved AFTER UPDATE ON account_admins
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.principal FROM changes WHERE name = 'directory';
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', NEW.principal FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER account_admins_delete_moved AFTER DELETE ON account_admins
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'principal', OLD.principal FROM changes WHERE name = 'directory';
END;

CREATE TRIGGER roles_insert_moved AFTER INSERT ON roles
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'access', '' FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER roles_update_moved AFTER UPDATE ON roles
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'access', '' FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER roles_delete_moved AFTER DELETE ON roles
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'access', '' FROM changes WHERE name = 'directory';
END;

CREATE TRIGGER teams_insert_moved AFTER INSERT ON teams
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'access', '' FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER teams_update_moved AFTER UPDATE ON teams
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'access', '' FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER teams_delete_moved AFTER DELETE ON teams
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'access', '' FROM changes WHERE name = 'directory';
END;

CREATE TRIGGER team_grants_insert_moved AFTER INSERT ON team_grants
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'access', '' FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER team_grants_update_moved AFTER UPDATE ON team_grants
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'access', '' FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER team_grants_delete_moved AFTER DELETE ON team_grants
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'access', '' FROM changes WHERE name = 'directory';
END;

CREATE TRIGGER max_key_ages_insert_moved AFTER INSERT ON max_key_ages
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'everything', '' FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER max_key_ages_update_moved AFTER UPDATE ON max_key_ages
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'everything', '' FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER max_key_ages_delete_moved AFTER DELETE ON max_key_ages
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'everything', '' FROM changes WHERE name = 'directory';
END;

CREATE TRIGGER factor_roles_insert_moved AFTER INSERT ON factor_roles
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'access', '' FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER factor_roles_update_moved AFTER UPDATE ON factor_roles
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'access', '' FROM changes WHERE name = 'directory';
END;
CREATE TRIGGER factor_roles_delete_moved AFTER DELETE ON factor_roles
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, 'access', '' FROM changes WHERE name = 'directory';
END;

-- The newest of one outcome, and how many there were when: for the record's pages and their chart.
CREATE INDEX audit_outcome ON audit (outcome, at);
