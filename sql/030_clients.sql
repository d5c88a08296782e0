-- Machines: clients of OAuth (RFC 6749, 2) and API keys, which are clients
-- that act for the user who owns them.  Both authenticate with an identifier
-- and a secret, of which only the SHA-256 is here: secrets are random, so
-- nothing slower is needed.


CREATE TABLE portero.clients (
    client_id       text PRIMARY KEY,
    owner           text,
    scope           text NOT NULL DEFAULT '',
    description     text NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz,
    revoked_at      timestamptz,
    last_used_at    timestamptz,

    CONSTRAINT clients_id_form CHECK (
        client_id COLLATE "C" ~ '^[A-Za-z0-9._-]{1,64}$'),
    CONSTRAINT clients_id_kind CHECK (
        (owner IS NOT NULL) = (client_id COLLATE "C" ~ '^ak_')),
    CONSTRAINT clients_owner_length CHECK (length(owner) BETWEEN 1 AND 255),
    CONSTRAINT clients_scope_form CHECK (
        length(scope) <= 1000
        AND scope COLLATE "C" ~ '^([!#-[\]-~]+( [!#-[\]-~]+)*)?$'),
    CONSTRAINT clients_description_length CHECK (length(description) <= 200)
) WITH (fillfactor = 90);

CREATE INDEX clients_owner ON portero.clients (owner)
    WHERE owner IS NOT NULL;

-- Two at once while a secret is replaced.

CREATE TABLE portero.client_secrets (
    client_id       text NOT NULL
                    REFERENCES portero.clients (client_id) ON DELETE CASCADE,
    digest          bytea NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz,

    PRIMARY KEY (client_id, digest),
    CONSTRAINT client_secrets_digest_length CHECK (length(digest) = 32)
);


-- The subject of its tokens.  No user's name has a colon in it, so that a
-- client cannot be taken for a user (RFC 9068, 5).

CREATE FUNCTION portero.client_sub(p_client_id text, p_owner text)
RETURNS text
LANGUAGE sql
IMMUTABLE
AS $$
    SELECT coalesce(p_owner, 'client:' || p_client_id)
$$;


-- Gateways refuse what was signed for a client that is gone.  Its owner's
-- other tokens are renewed at the next refresh.

CREATE FUNCTION portero.client_gone()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM portero.touch_user(portero.client_sub(OLD.client_id, OLD.owner));
    RETURN NULL;
END
$$;

CREATE TRIGGER clients_revoked
    AFTER UPDATE ON portero.clients
    FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
    EXECUTE FUNCTION portero.client_gone();

CREATE TRIGGER clients_deleted
    AFTER DELETE ON portero.clients
    FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL)
    EXECUTE FUNCTION portero.client_gone();


-- One row if this is its secret and nothing speaks against it.  The version is
-- read with the row, in one snapshot, and before the owner is asked for: a
-- client that is revoked meanwhile gets a token of the version before, which
-- gateways refuse.

CREATE FUNCTION portero.machine_find(p_client_id text, p_digest bytea,
    p_access integer)
RETURNS TABLE (sub text, name text, owned boolean, scope text, ver bigint,
               now_us bigint, expires_us bigint)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c      portero.clients;
    a      portero.session_answer;
    v_now  CONSTANT timestamptz := clock_timestamp();
BEGIN
    SELECT k.*, coalesce(v.ver, 1)
    INTO c.client_id, c.owner, c.scope, c.expires_at, c.last_used_at, ver
    FROM (SELECT k.client_id, k.owner, k.scope, k.expires_at, k.last_used_at
          FROM portero.clients k
          JOIN portero.client_secrets s ON s.client_id = k.client_id
          WHERE k.client_id = p_client_id AND s.digest = p_digest
            AND k.revoked_at IS NULL
            AND coalesce(s.expires_at > v_now, true)
            AND coalesce(k.expires_at > v_now, true)) AS k
    LEFT JOIN portero.user_version v
        ON v.sub = portero.client_sub(k.client_id, k.owner);

    IF NOT FOUND THEN
        RETURN;
    END IF;

    name := c.client_id;

    IF c.owner IS NOT NULL THEN
        a := portero.session_claims(c.owner);

        IF a.outcome IS NULL THEN
            RETURN;
        END IF;

        name := a.name;
    END IF;

    IF coalesce(c.last_used_at < v_now - interval '1 minute', true) THEN
        UPDATE portero.clients k SET last_used_at = v_now
        WHERE k.client_id = c.client_id
          AND coalesce(k.last_used_at < v_now - interval '1 minute', true);
    END IF;

    PERFORM portero.session_access_lifetime(p_access, v_now);

    sub := portero.client_sub(c.client_id, c.owner);
    owned := c.owner IS NOT NULL;
    scope := c.scope;
    now_us := portero.microseconds(v_now);
    expires_us := portero.microseconds(c.expires_at);
    RETURN NEXT;
END
$$;


-- Whether an access token, which was authentic and has not expired, still
-- stands for what it says (RFC 7662).

CREATE FUNCTION portero.token_live(p_jti text, p_sid uuid, p_sub text,
    p_ver bigint, p_client_id text)
RETURNS boolean
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM portero.revocation r
               WHERE r.kind = 'jti' AND r.value = p_jti)
       OR EXISTS (SELECT FROM portero.user_version v
                  WHERE v.sub = p_sub AND v.ver > p_ver)
    THEN
        RETURN false;
    END IF;

    IF p_sid IS NOT NULL THEN
        RETURN (portero.session_get(p_sid, p_sub)).outcome = 'live';
    END IF;

    RETURN EXISTS (SELECT FROM portero.clients c
                   WHERE c.client_id = p_client_id AND c.revoked_at IS NULL
                     AND coalesce(c.expires_at > clock_timestamp(), true)
                     AND (c.owner IS NULL OR EXISTS (
                          SELECT FROM portero.claims(c.owner))));
END
$$;


-- Whether it was not revoked before.

CREATE FUNCTION portero.token_revoke(p_jti text, p_sub text, p_sid uuid,
    p_address text, p_user_agent text)
RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM portero.revocation r
               WHERE r.kind = 'jti' AND r.value = p_jti)
    THEN
        RETURN false;
    END IF;

    PERFORM portero.audit_add('token_revoked', p_sub, p_sid, p_address,
        p_user_agent, p_jti);
    PERFORM portero.revocation_add('jti', p_jti);
    RETURN true;
END
$$;


-- From here on: what the command line calls.

CREATE FUNCTION portero.admin_client_add(client_id text, digest bytea,
    scope text, description text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO portero.clients (client_id, scope, description)
    VALUES (admin_client_add.client_id, admin_client_add.scope,
            coalesce(admin_client_add.description, ''));

    INSERT INTO portero.client_secrets (client_id, digest)
    VALUES (admin_client_add.client_id, admin_client_add.digest);

    PERFORM portero.audit_add('client_added',
        portero.client_sub(admin_client_add.client_id, NULL));
    RETURN true;
END
$$;


CREATE FUNCTION portero.admin_client_remove(client_id text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM portero.clients c
    WHERE c.client_id = admin_client_remove.client_id AND c.owner IS NULL;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    PERFORM portero.audit_add('client_removed',
        portero.client_sub(admin_client_remove.client_id, NULL));
    RETURN true;
END
$$;


-- The new key's owner; NULL if there is no such user.

CREATE FUNCTION portero.admin_apikey_create(login text, client_id text,
    digest bytea, scope text, description text, days integer)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_owner  text;
BEGIN
    SELECT f.sub INTO v_owner FROM portero.find_user(login) f;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    INSERT INTO portero.clients (client_id, owner, scope, description,
        expires_at)
    VALUES (admin_apikey_create.client_id, v_owner, admin_apikey_create.scope,
            coalesce(admin_apikey_create.description, ''),
            now() + days * interval '1 day');

    INSERT INTO portero.client_secrets (client_id, digest)
    VALUES (admin_apikey_create.client_id, admin_apikey_create.digest);

    PERFORM portero.audit_add('apikey_created', v_owner,
        p_detail => admin_apikey_create.client_id);
    RETURN true;
END
$$;


CREATE FUNCTION portero.admin_apikey_revoke(client_id text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_owner  text;
BEGIN
    UPDATE portero.clients c SET revoked_at = clock_timestamp()
    WHERE c.client_id = admin_apikey_revoke.client_id
      AND c.owner IS NOT NULL AND c.revoked_at IS NULL
    RETURNING c.owner INTO v_owner;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    DELETE FROM portero.client_secrets s
    WHERE s.client_id = admin_apikey_revoke.client_id;

    PERFORM portero.audit_add('apikey_revoked', v_owner,
        p_detail => admin_apikey_revoke.client_id);
    RETURN true;
END
$$;


-- The secret before serves for some hours more, any older one no longer.

CREATE FUNCTION portero.admin_apikey_rotate(client_id text, digest bytea,
    hours integer)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_owner  text;
    v_now    CONSTANT timestamptz := clock_timestamp();
BEGIN
    SELECT c.owner INTO v_owner FROM portero.clients c
    WHERE c.client_id = admin_apikey_rotate.client_id
      AND c.owner IS NOT NULL AND c.revoked_at IS NULL
      AND coalesce(c.expires_at > v_now, true)
    FOR UPDATE;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    DELETE FROM portero.client_secrets s
    WHERE s.client_id = admin_apikey_rotate.client_id
      AND (s.expires_at IS NOT NULL OR hours = 0);

    UPDATE portero.client_secrets s
    SET expires_at = v_now + hours * interval '1 hour'
    WHERE s.client_id = admin_apikey_rotate.client_id;

    INSERT INTO portero.client_secrets (client_id, digest)
    VALUES (admin_apikey_rotate.client_id, admin_apikey_rotate.digest);

    PERFORM portero.audit_add('apikey_rotated', v_owner,
        p_detail => admin_apikey_rotate.client_id);
    RETURN true;
END
$$;


-- Clients, or the keys: of one user (login), or of all.

CREATE FUNCTION portero.admin_client_list(keys boolean, login text)
RETURNS TABLE (client_id text, owner text, name text, scope text,
               description text, created_at timestamptz,
               expires_at timestamptz, revoked_at timestamptz,
               last_used_at timestamptz, secrets bigint)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.client_id, c.owner, o.name, c.scope, c.description,
           c.created_at, c.expires_at, c.revoked_at, c.last_used_at,
           (SELECT count(*) FROM portero.client_secrets s
            WHERE s.client_id = c.client_id
              AND coalesce(s.expires_at > clock_timestamp(), true))
    FROM portero.clients c
    LEFT JOIN LATERAL portero.claims(c.owner) o ON c.owner IS NOT NULL
    WHERE (c.owner IS NOT NULL) = keys
      AND (admin_client_list.login IS NULL
           OR c.owner IN (SELECT f.sub
                          FROM portero.find_user(admin_client_list.login) f))
    ORDER BY c.created_at, c.client_id
$$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA portero FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
    portero.machine_find(text, bytea, integer),
    portero.token_live(text, uuid, text, bigint, text),
    portero.token_revoke(text, text, uuid, text, text)
TO portero_service;
