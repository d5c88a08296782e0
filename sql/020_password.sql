-- Changing a password, by whoever is signed in and knows the old one.


CREATE FUNCTION portero.user_can_change()
RETURNS boolean
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT to_regprocedure('portero.set_password(text,text,text)') IS NOT NULL
$$;


-- The name to log in with and the hash to compare with; no row if this user
-- may not be signed in.

CREATE FUNCTION portero.user_of(p_sub text)
RETURNS TABLE (login text, password_hash text)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT c.name INTO login FROM portero.claims(p_sub) c;

    IF NOT FOUND THEN
        RETURN;
    END IF;

    SELECT f.password_hash INTO password_hash
    FROM portero.find_user(login) f
    WHERE f.sub = p_sub;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'portero.find_user does not find the name that'
            ' portero.claims gives: let "name" be the name to log in with';
    END IF;

    RETURN NEXT;
END
$$;


-- All of it or nothing: the new hash, the end of all sessions, a new one.  The
-- answer is that of session_create; its outcome is 'revoked' if the session
-- that asks has ended meanwhile.  Whoever changed the hash meanwhile wins.
-- The lock on the user comes before the look at the session, and a look that
-- ends badly takes back the change.

CREATE FUNCTION portero.session_change_password(p_sub text, p_asking uuid,
    p_old text, p_new text, p_sid uuid, p_digest bytea, p_idle integer,
    p_absolute integer, p_access integer, p_limit integer, p_address text,
    p_user_agent text)
RETURNS portero.session_answer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    a  portero.session_answer;
BEGIN
    IF NOT portero.set_password(p_sub, p_old, p_new) THEN
        RAISE EXCEPTION 'the password of % was changed meanwhile', p_sub
            USING ERRCODE = 'serialization_failure';
    END IF;

    PERFORM pg_advisory_xact_lock(1886351989, hashtext(p_sub));

    a := portero.session_get(p_asking, p_sub);

    IF a.outcome = 'live' THEN
        PERFORM portero.end_sessions(p_sub, 'password');
        PERFORM portero.audit_add('password_changed', p_sub, p_asking,
            p_address, p_user_agent);

        a := portero.session_create(p_sub, p_sid, p_digest, p_idle,
            p_absolute, p_access, p_limit, p_address, p_user_agent, NULL,
            NULL);
    END IF;

    IF a.outcome <> 'live' THEN
        RAISE EXCEPTION USING ERRCODE = 'PT401';
    END IF;

    RETURN a;

EXCEPTION WHEN SQLSTATE 'PT401' THEN
    a.outcome := 'revoked';
    RETURN a;
END
$$;


CREATE FUNCTION portero.user_change_refused(p_sub text, p_sid uuid,
    p_reason text, p_address text, p_user_agent text)
RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT portero.audit_add('password_change_refused', p_sub, p_sid,
        p_address, p_user_agent, p_reason)
$$;


GRANT EXECUTE ON FUNCTION
    portero.user_can_change(),
    portero.user_of(text),
    portero.session_change_password(text, uuid, text, text, uuid, bytea,
        integer, integer, integer, integer, text, text),
    portero.user_change_refused(text, uuid, text, text, text)
TO portero_service;
