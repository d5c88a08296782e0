-- Users: what an installation with a users table of its own replaces, and
-- what the service may ask.


-- The four replaceable functions.  They are made here if nobody has made them
-- before, and no later migration touches them.  A sub is a text that never
-- changes and never passes on to somebody else.  They run with the rights of
-- whoever owns them, portero_owner as a rule.
--
-- find_user        one row if somebody has this name.  The form of the name
--                  was checked: 1 to 64 of A-Z a-z 0-9 . _ - @ +
-- claims           one row if this user may be signed in; asked at each
--                  refresh, so that a disabled user's sessions stop.  extra
--                  is a JSON object of more claims, or NULL.
-- set_password     whether the hash was old_hash and is new_hash now.  Without
--                  this function hashes are not upgraded, nobody registers.
-- create_user      registration: the new sub; unique_violation if the name is
--                  taken.  Without this function nobody registers.

DO $migration$
BEGIN
    IF to_regprocedure('portero.find_user(text)') IS NULL THEN
        CREATE FUNCTION portero.find_user(login text)
        RETURNS TABLE (sub text, name text, password_hash text,
                       disabled boolean)
        LANGUAGE sql
        STABLE
        SET search_path = pg_catalog, pg_temp
        AS $$
            SELECT u.sub::text, u.username, u.password_hash, u.disabled
            FROM portero.users u
            WHERE lower(u.username COLLATE "C")
                  = lower(find_user.login COLLATE "C")
        $$;
    END IF;

    IF to_regprocedure('portero.claims(text)') IS NULL THEN
        CREATE FUNCTION portero.claims(sub text)
        RETURNS TABLE (name text, roles text[], scope text, extra jsonb)
        LANGUAGE sql
        STABLE
        SET search_path = pg_catalog, pg_temp
        AS $$
            SELECT u.username,
                   ARRAY(SELECT r.role FROM portero.user_roles r
                         WHERE r.sub = u.sub ORDER BY r.role),
                   NULL::text, NULL::jsonb
            FROM portero.users u
            WHERE u.sub = claims.sub::uuid AND NOT u.disabled
        $$;
    END IF;

    IF to_regprocedure('portero.set_password(text,text,text)') IS NULL THEN
        CREATE FUNCTION portero.set_password(sub text, old_hash text,
            new_hash text)
        RETURNS boolean
        LANGUAGE sql
        SET search_path = pg_catalog, pg_temp
        AS $$
            WITH changed AS (
                UPDATE portero.users u
                SET password_hash = set_password.new_hash
                WHERE u.sub = set_password.sub::uuid
                  AND u.password_hash = set_password.old_hash
                RETURNING 1)
            SELECT EXISTS (SELECT FROM changed)
        $$;
    END IF;

    IF to_regprocedure('portero.create_user(text,text,text)') IS NULL THEN
        CREATE FUNCTION portero.create_user(login text, password_hash text,
            email text)
        RETURNS text
        LANGUAGE sql
        SET search_path = pg_catalog, pg_temp
        AS $$
            INSERT INTO portero.users AS u (username, password_hash, email)
            VALUES (create_user.login, create_user.password_hash,
                    create_user.email)
            RETURNING u.sub::text
        $$;
    END IF;
END
$migration$;


-- From here on: what the service calls, named as in db.h.

CREATE FUNCTION portero.user_find(p_login text)
RETURNS TABLE (sub text, password_hash text, disabled boolean)
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT f.sub, f.password_hash, coalesce(f.disabled, false)
    FROM portero.find_user(p_login) f
$$;


CREATE FUNCTION portero.user_refused(p_login text, p_sub text, p_reason text,
    p_address text, p_user_agent text)
RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT portero.audit_add('login_refused', p_sub, NULL, p_address,
        p_user_agent, concat_ws(' ', p_reason, p_login))
$$;


-- NULL: this installation has no set_password.

CREATE FUNCTION portero.user_rehash(p_sub text, p_old text, p_new text)
RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regprocedure('portero.set_password(text,text,text)') IS NULL THEN
        RETURN NULL;
    END IF;

    RETURN portero.set_password(p_sub, p_old, p_new);
END
$$;


CREATE FUNCTION portero.user_can_register()
RETURNS boolean
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT to_regprocedure('portero.set_password(text,text,text)') IS NOT NULL
           AND to_regprocedure('portero.create_user(text,text,text)')
               IS NOT NULL
$$;


-- The new sub; unique_violation if the name is taken.

CREATE FUNCTION portero.user_register(p_login text, p_hash text,
    p_email text, p_address text, p_user_agent text)
RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_sub  text;
BEGIN
    v_sub := portero.create_user(p_login, p_hash, p_email);

    -- Who replaced find_user and not this one would get users that can never
    -- log in.

    IF NOT EXISTS (SELECT FROM portero.find_user(p_login) f
                   WHERE f.sub = v_sub)
    THEN
        RAISE EXCEPTION 'portero.find_user does not find the user that'
            ' portero.create_user made: replace or drop create_user, too';
    END IF;

    PERFORM portero.audit_add('registered', v_sub, NULL, p_address,
        p_user_agent, p_login);

    RETURN v_sub;
END
$$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA portero FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
    portero.user_find(text),
    portero.user_refused(text, text, text, text, text),
    portero.user_rehash(text, text, text),
    portero.user_can_register(),
    portero.user_register(text, text, text, text, text)
TO portero_service;
