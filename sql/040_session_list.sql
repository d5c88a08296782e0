-- A user's sessions: which there are, and ending more than one's own.


CREATE FUNCTION portero.session_live(p_session portero.sessions,
    p_now timestamptz)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
AS $$
    SELECT p_session.ended_at IS NULL AND p_session.absolute_at > p_now
           AND p_session.idle_at > p_now
$$;


-- Of the user whose live session p_sid is, the last used first; a JSON array.
-- At most 20 are live, so there are no pages.

CREATE FUNCTION portero.session_list(p_sub text, p_sid uuid)
RETURNS text
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(json_agg(json_build_object(
               'id', s.sid,
               'created_at', floor(extract(epoch FROM s.created_at)),
               'last_used_at', floor(extract(epoch FROM s.last_used_at)),
               'address', s.address,
               'user_agent', s.user_agent,
               'current', s.sid = p_sid)
           ORDER BY s.last_used_at DESC, s.sid)::text, '[]')
    FROM portero.sessions s
    WHERE s.sub = p_sub AND portero.session_live(s, clock_timestamp())
$$;


-- Ends the sessions of a user who proves a live one of theirs, as session_end
-- has it proved: all, or all but that one.  False if it is not live.

CREATE FUNCTION portero.session_end_all(p_sid uuid, p_digest bytea,
    p_sub text, p_others boolean, p_address text, p_user_agent text)
RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_sub  text;
    v_sid  uuid;
BEGIN
    SELECT s.sub INTO v_sub FROM portero.sessions s
    WHERE s.sid = p_sid AND (s.digest = p_digest OR s.sub = p_sub);

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    -- No session begins meanwhile that this would not see.

    PERFORM pg_advisory_xact_lock(1886351989, hashtext(v_sub));

    PERFORM FROM portero.sessions s
    WHERE s.sid = p_sid AND portero.session_live(s, clock_timestamp())
    FOR UPDATE;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    FOR v_sid IN
        UPDATE portero.sessions s
        SET ended_at = clock_timestamp(), end_reason = 'logout'
        WHERE s.sub = v_sub AND s.ended_at IS NULL
          AND NOT (p_others AND s.sid = p_sid)
        RETURNING s.sid
    LOOP
        PERFORM portero.audit_add('logout', v_sub, v_sid, p_address,
            p_user_agent);
    END LOOP;

    RETURN true;
END
$$;


CREATE FUNCTION portero.admin_session_list(login text)
RETURNS TABLE (sid text, created_at timestamptz, last_used_at timestamptz,
    address text, user_agent text)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.sid::text, s.created_at, s.last_used_at, s.address, s.user_agent
    FROM portero.sessions s
    WHERE s.sub IN (SELECT f.sub
                    FROM portero.find_user(admin_session_list.login) f)
      AND portero.session_live(s, clock_timestamp())
    ORDER BY s.last_used_at DESC, s.sid
$$;


CREATE FUNCTION portero.admin_session_end(id text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_sub  text;
BEGIN
    UPDATE portero.sessions s
    SET ended_at = clock_timestamp(), end_reason = 'admin'
    WHERE s.sid::text = id AND s.ended_at IS NULL
    RETURNING s.sub INTO v_sub;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    PERFORM portero.audit_add('session_ended', v_sub, id::uuid);
    RETURN true;
END
$$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA portero FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
    portero.session_list(text, uuid),
    portero.session_end_all(uuid, bytea, text, boolean, text, text)
TO portero_service;
