-- Links that serve once: an invite to register, and one to set a password.
-- What the link carries is random; here is its SHA-256.

CREATE TABLE portero.links (
    digest          bytea PRIMARY KEY,
    kind            text NOT NULL,
    sub             text,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz,

    CONSTRAINT links_digest_length CHECK (length(digest) = 32),
    CONSTRAINT links_kind CHECK (kind IN ('invite', 'reset')),
    CONSTRAINT links_sub CHECK ((kind = 'reset') = (sub IS NOT NULL))
);

CREATE INDEX links_sub ON portero.links (sub);
CREATE INDEX links_expires_at ON portero.links (expires_at);


-- Whether the caller, and nobody else, may use it: of two that try, the other
-- waits here and finds it used.

CREATE FUNCTION portero.link_use(p_kind text, p_digest bytea, OUT used boolean,
    OUT sub text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE portero.links l SET used_at = clock_timestamp()
    WHERE l.digest = p_digest AND l.kind = p_kind AND l.used_at IS NULL
      AND l.expires_at > clock_timestamp()
    RETURNING l.sub INTO sub;

    used := FOUND;
END
$$;


-- From here on: what the service calls.


-- One row if it can be used; sub is the user's whose password it sets.

CREATE FUNCTION portero.link_find(p_kind text, p_digest bytea)
RETURNS TABLE (sub text)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.sub FROM portero.links l
    WHERE l.digest = p_digest AND l.kind = p_kind AND l.used_at IS NULL
      AND l.expires_at > clock_timestamp()
$$;


-- All of it or nothing: the link is used, the password is the new one, all
-- sessions have ended, no other link of this user is left, and nothing is
-- counted against the account.  False: the link is not good (any more).

CREATE FUNCTION portero.link_reset(p_digest bytea, p_old text, p_new text,
    p_address text, p_user_agent text)
RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_used  boolean;
    v_sub   text;
BEGIN
    SELECT u.used, u.sub INTO v_used, v_sub
    FROM portero.link_use('reset', p_digest) u;

    IF NOT v_used THEN
        RETURN false;
    END IF;

    IF NOT coalesce(portero.set_password(v_sub, p_old, p_new), false) THEN

        -- Our own set_password compares by "=", which finds no NULL.

        UPDATE portero.users u SET password_hash = p_new
        WHERE p_old IS NULL AND u.password_hash IS NULL
          AND u.sub::text = v_sub;

        IF NOT FOUND THEN
            RAISE EXCEPTION 'the password of % was changed meanwhile', v_sub
                USING ERRCODE = 'serialization_failure';
        END IF;
    END IF;

    PERFORM portero.end_sessions(v_sub, 'password');
    PERFORM portero.audit_add('password_reset', v_sub, NULL, p_address,
        p_user_agent);

    DELETE FROM portero.links l WHERE l.sub = v_sub AND l.used_at IS NULL;
    DELETE FROM portero.throttle t WHERE t.account = 's:' || v_sub;

    RETURN true;
END
$$;


-- As user_register, for whoever was invited; NULL: the invite is not good.  A
-- name that is taken leaves it unused.

CREATE FUNCTION portero.user_register_invited(p_digest bytea, p_login text,
    p_hash text, p_email text, p_address text, p_user_agent text)
RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT (SELECT u.used FROM portero.link_use('invite', p_digest) u) THEN
        RETURN NULL;
    END IF;

    RETURN portero.user_register(p_login, p_hash, p_email, p_address,
        p_user_agent);
END
$$;


-- For the command line.  A new link takes the place of older ones.

CREATE FUNCTION portero.admin_link_reset(login text, digest bytea,
    seconds integer)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_sub  text;
BEGIN
    SELECT f.sub INTO v_sub FROM portero.find_user(login) f;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    IF NOT portero.user_can_change() THEN
        RAISE EXCEPTION 'there is no function portero.set_password:'
            ' passwords are set elsewhere';
    END IF;

    IF NOT EXISTS (SELECT FROM portero.user_of(v_sub)) THEN
        RAISE EXCEPTION 'the user "%" is disabled', login;
    END IF;

    DELETE FROM portero.links l
    WHERE (l.sub = v_sub AND l.used_at IS NULL)
       OR l.expires_at < now() - interval '1 day';

    INSERT INTO portero.links (digest, kind, sub, expires_at)
    VALUES (admin_link_reset.digest, 'reset', v_sub,
            clock_timestamp() + seconds * interval '1 second');

    PERFORM portero.audit_add('reset_link', v_sub);
    RETURN true;
END
$$;


CREATE FUNCTION portero.admin_link_invite(digest bytea, seconds integer)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT portero.user_can_register() THEN
        RAISE EXCEPTION 'there is no function portero.create_user or'
            ' portero.set_password: users are registered elsewhere';
    END IF;

    DELETE FROM portero.links l WHERE l.expires_at < now() - interval '1 day';

    INSERT INTO portero.links (digest, kind, expires_at)
    VALUES (admin_link_invite.digest, 'invite',
            clock_timestamp() + seconds * interval '1 second');

    PERFORM portero.audit_add('invite', NULL);
    RETURN true;
END
$$;


GRANT EXECUTE ON FUNCTION
    portero.link_find(text, bytea),
    portero.link_reset(bytea, text, text, text, text),
    portero.user_register_invited(bytea, text, text, text, text, text)
TO portero_service;
