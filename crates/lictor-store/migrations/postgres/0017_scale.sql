-- What a version of the directory is about, so that replicas read that and not everything: somebody and all that is theirs, or with an
-- empty principal what concerns the access of many (roles, teams), or everything (the ages of keys). Written by triggers, whoever makes the change. Each version leaves a mark; a
-- replica that misses one reads everything, as it does when it is too far behind.
CREATE TABLE moved (
    version   BIGINT NOT NULL,
    what      TEXT NOT NULL,
    principal TEXT NOT NULL
);
CREATE INDEX moved_at ON moved (version);

CREATE FUNCTION note_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO moved (version, what, principal) VALUES (NEW.version, 'version', '');
    DELETE FROM moved WHERE version < NEW.version - 500;
    RETURN NULL;
END
$$;
CREATE TRIGGER directory_moved AFTER UPDATE ON changes
    FOR EACH ROW WHEN (NEW.name = 'directory' AND NEW.version <> OLD.version) EXECUTE FUNCTION note_version();

-- Its argument is the column that says whose the row is.
CREATE FUNCTION note_principal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now_at BIGINT := (SELECT version FROM changes WHERE name = 'directory');
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO moved (version, what, principal) VALUES (now_at, 'principal', to_jsonb(OLD) ->> TG_ARGV[0]);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO moved (version, what, principal) VALUES (now_at, 'principal', to_jsonb(NEW) ->> TG_ARGV[0]);
    END IF;
    RETURN NULL;
END
$$;
-- Its argument is how much of the directory it is.
CREATE FUNCTION note_shared() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO moved (version, what, principal) SELECT version, TG_ARGV[0], '' FROM changes WHERE name = 'directory';
    RETURN NULL;
END
$$;
CREATE TRIGGER principals_moved AFTER INSERT OR DELETE OR UPDATE ON principals
    FOR EACH ROW EXECUTE FUNCTION note_principal('id');
CREATE TRIGGER passwords_moved AFTER INSERT OR DELETE OR UPDATE ON passwords
    FOR EACH ROW EXECUTE FUNCTION note_principal('principal');
CREATE TRIGGER api_keys_moved AFTER INSERT OR DELETE OR UPDATE OF principal, digest, created_at, expires_at, revoked_at, disabled, narrowing, replaces, issuer ON api_keys
    FOR EACH ROW EXECUTE FUNCTION note_principal('principal');
CREATE TRIGGER factors_moved AFTER INSERT OR DELETE OR UPDATE OF principal ON factors
    FOR EACH ROW EXECUTE FUNCTION note_principal('principal');
CREATE TRIGGER grants_moved AFTER INSERT OR DELETE OR UPDATE ON grants
    FOR EACH ROW EXECUTE FUNCTION note_principal('principal');
CREATE TRIGGER team_members_moved AFTER INSERT OR DELETE OR UPDATE ON team_members
    FOR EACH ROW EXECUTE FUNCTION note_principal('principal');
CREATE TRIGGER account_admins_moved AFTER INSERT OR DELETE OR UPDATE ON account_admins
    FOR EACH ROW EXECUTE FUNCTION note_principal('principal');
CREATE TRIGGER roles_moved AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON roles
    FOR EACH STATEMENT EXECUTE FUNCTION note_shared('access');
CREATE TRIGGER teams_moved AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON teams
    FOR EACH STATEMENT EXECUTE FUNCTION note_shared('access');
CREATE TRIGGER team_grants_moved AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON team_grants
    FOR EACH STATEMENT EXECUTE FUNCTION note_shared('access');
CREATE TRIGGER max_key_ages_moved AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON max_key_ages
    FOR EACH STATEMENT EXECUTE FUNCTION note_shared('everything');
CREATE TRIGGER factor_roles_moved AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON factor_roles
    FOR EACH STATEMENT EXECUTE FUNCTION note_shared('access');

-- The newest of one outcome, and how many there were when: for the record's pages and their chart.
CREATE INDEX audit_outcome ON audit (outcome, at);
