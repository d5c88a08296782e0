-- Sessions, as the service sees them.  Time is the database's; deadlines and
-- "now" leave as microseconds since 1970, which are exact.


-- Functions without a search_path of their own are those that PostgreSQL can
-- inline; whoever calls them has pinned it.


-- One shape of answer for all of it.  outcome is a word of db.h; in a refusal
-- the rest is NULL, but for sub where it is known.

CREATE TYPE portero.session_answer AS (
    outcome         text,
    sub             text,
    generation      bigint,
    renewed         boolean,
    ver             bigint,
    name            text,
    roles           text,
    scope           text,
    extra           text,
    now_us          bigint,
    idle_us         bigint,
    absolute_us     bigint
);


CREATE FUNCTION portero.microseconds(p_time timestamptz)
RETURNS bigint
LANGUAGE sql
IMMUTABLE
AS $$
    SELECT (extract(epoch FROM p_time) * 1000000)::bigint
$$;


-- The outcome is NULL if this user may not be signed in.  The version is read
-- in the same statement as the roles: with a newer one, a token with roles
-- that were withdrawn would look up to date to gateways.

CREATE FUNCTION portero.session_claims(p_sub text)
RETURNS portero.session_answer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    a  portero.session_answer;
BEGIN
    SELECT coalesce((SELECT v.ver FROM portero.user_version v
                     WHERE v.sub = p_sub), 1),
           c.name,
           coalesce(array_to_json(array_remove(c.roles, NULL))::text, '[]'),
           c.scope, c.extra::text
    INTO a.ver, a.name, a.roles, a.scope, a.extra
    FROM portero.claims(p_sub) c;

    IF FOUND THEN
        a.outcome := 'live';
    END IF;

    a.sub := p_sub;
    RETURN a;
END
$$;


-- Keeps what the list of revocations needs to know up to date; a write once a
-- minute, a look at one row else.

CREATE FUNCTION portero.session_access_lifetime(p_seconds integer,
    p_now timestamptz)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM portero.access_lifetime l
               WHERE l.seconds = p_seconds
                 AND l.seen_at > p_now - interval '1 minute')
    THEN
        RETURN;
    END IF;

    INSERT INTO portero.access_lifetime AS l (seconds, seen_at)
    VALUES (p_seconds, p_now)
    ON CONFLICT (seconds) DO UPDATE
    SET seen_at = greatest(l.seen_at, excluded.seen_at);
END
$$;


-- A login.  It ends the session that it replaces, if a cookie proved one, and
-- the oldest ones beyond the limit.

CREATE FUNCTION portero.session_create(p_sub text, p_sid uuid,
    p_digest bytea, p_idle integer, p_absolute integer, p_access integer,
    p_limit integer, p_address text, p_user_agent text,
    p_replaced_sid uuid, p_replaced_digest bytea)
RETURNS portero.session_answer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    a           portero.session_answer;
    v_now       timestamptz;
    v_absolute  timestamptz;
    v_idle      timestamptz;
BEGIN
    -- The user's row first: whoever disables the user holds it, and what this
    -- function reads afterwards is the truth.

    UPDATE portero.users u SET last_login_at = clock_timestamp()
    WHERE u.sub = CASE
        WHEN p_sub ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        THEN p_sub::uuid END;

    PERFORM pg_advisory_xact_lock(1886351989, hashtext(p_sub));

    a := portero.session_claims(p_sub);

    IF a.outcome IS NULL THEN
        a.outcome := 'revoked';
        RETURN a;
    END IF;

    v_now := clock_timestamp();
    v_absolute := v_now + p_absolute * interval '1 second';
    v_idle := least(v_now + p_idle * interval '1 second', v_absolute);

    UPDATE portero.sessions s SET ended_at = v_now, end_reason = 'replaced'
    WHERE s.sid = p_replaced_sid AND s.digest = p_replaced_digest
      AND s.ended_at IS NULL;

    DELETE FROM portero.sessions s
    WHERE s.sub = p_sub AND s.absolute_at < v_now - interval '1 day';

    UPDATE portero.sessions s SET ended_at = v_now, end_reason = 'limit'
    WHERE s.ended_at IS NULL
      AND s.sid IN (SELECT o.sid FROM portero.sessions o
                    WHERE o.sub = p_sub AND o.ended_at IS NULL
                      AND o.absolute_at > v_now AND o.idle_at > v_now
                    ORDER BY o.created_at DESC, o.sid
                    OFFSET p_limit - 1);

    INSERT INTO portero.sessions (sid, sub, digest, created_at, last_used_at,
        idle_at, absolute_at, address, user_agent)
    VALUES (p_sid, p_sub, p_digest, v_now, v_now, v_idle, v_absolute,
        p_address, p_user_agent);

    PERFORM portero.session_access_lifetime(p_access, v_now);
    PERFORM portero.audit_add('login', p_sub, p_sid, p_address, p_user_agent);

    a.generation := 1;
    a.renewed := true;
    a.now_us := portero.microseconds(v_now);
    a.idle_us := portero.microseconds(v_idle);
    a.absolute_us := portero.microseconds(v_absolute);
    RETURN a;
END
$$;


-- Why a row is not to be refreshed; NULL if nothing speaks against it.  A
-- session with less than a second left could only get a token that has
-- expired on arrival.

CREATE FUNCTION portero.session_refusal(p_ended_at timestamptz,
    p_end_reason text, p_absolute_at timestamptz, p_idle_at timestamptz,
    p_now timestamptz, p_least interval)
RETURNS text
LANGUAGE sql
IMMUTABLE
AS $$
    SELECT CASE
        WHEN p_ended_at IS NOT NULL AND p_end_reason = 'reuse' THEN 'reused'
        WHEN p_ended_at IS NOT NULL THEN 'revoked'
        WHEN p_absolute_at < p_now + p_least THEN 'expired'
        WHEN p_idle_at < p_now + p_least THEN 'idle'
    END
$$;


-- A refresh is one UPDATE, under READ COMMITTED: where another one has the
-- row, it waits, and PostgreSQL judges the WHERE clause and computes the new
-- values again on what that one left.  So nothing that was read before can
-- decide, and of two refreshes with one token only one rotates.
--
-- First the row's state, in WHERE: what is ended, over or disabled is not
-- written to.  Then the generation presented, in the CASE:
--
--   same as the row's    rotated, if the last rotation is a grace ago or
--                        there was none; else the same token again
--   one behind           retry within the grace: the current token again (two
--                        tabs, an answer that got lost)
--   ahead                its HMAC proves that we issued it, so the database
--                        lost our commits: accept, and count on from there
--   anything else        reuse: somebody has an old token; the session ends

CREATE FUNCTION portero.session_refresh(p_sid uuid, p_digest bytea,
    p_generation bigint, p_continue boolean, p_grace integer, p_idle integer,
    p_access integer, p_address text, p_user_agent text)
RETURNS portero.session_answer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    a        portero.session_answer;
    r        portero.sessions;
    v_now    timestamptz;
    v_idle   timestamptz;
    v_grace  CONSTANT interval := p_grace * interval '1 second';
    v_least  CONSTANT interval := interval '1 second';
BEGIN
    SELECT s.* INTO r FROM portero.sessions s
    WHERE s.sid = p_sid AND s.digest = p_digest;

    IF NOT FOUND THEN
        a.outcome := 'invalid';
        RETURN a;
    END IF;

    a := portero.session_claims(r.sub);

    v_now := clock_timestamp();
    v_idle := v_now + p_idle * interval '1 second';

    UPDATE portero.sessions s
    SET (outcome, generation, rotated_at, last_used_at, idle_at, renewed,
         ended_at, end_reason) = (
        SELECT o.outcome,
               CASE WHEN o.rotates THEN p_generation + 1
                    ELSE s.generation END,
               CASE WHEN o.rotates THEN v_now ELSE s.rotated_at END,
               CASE WHEN o.reuse THEN s.last_used_at ELSE v_now END,
               CASE WHEN o.continues THEN least(v_idle, s.absolute_at)
                    ELSE s.idle_at END,
               o.continues AND least(v_idle, s.absolute_at) > s.idle_at,
               CASE WHEN o.reuse THEN v_now END,
               CASE WHEN o.reuse THEN 'reuse' END
        FROM (SELECT w.outcome,
                     w.outcome IN ('rotated', 'ahead') AS rotates,
                     w.outcome = 'reuse' AS reuse,
                     w.outcome <> 'reuse' AND p_continue AS continues
              FROM (SELECT CASE
                        WHEN p_generation > s.generation THEN 'ahead'
                        WHEN p_generation = s.generation THEN
                            CASE WHEN v_now < s.rotated_at + v_grace
                                 THEN 'same' ELSE 'rotated' END
                        WHEN p_generation = s.generation - 1
                             AND v_now < s.rotated_at + v_grace THEN 'retry'
                        ELSE 'reuse'
                    END AS outcome) AS w) AS o)
    WHERE s.sid = p_sid
      AND a.outcome IS NOT NULL
      AND portero.session_refusal(s.ended_at, s.end_reason, s.absolute_at,
                                  s.idle_at, v_now, v_least) IS NULL
    RETURNING s.* INTO r;

    IF NOT FOUND THEN

        -- What refused the row stays true of it.

        SELECT s.* INTO r FROM portero.sessions s WHERE s.sid = p_sid;

        a.outcome := coalesce(
            portero.session_refusal(r.ended_at, r.end_reason, r.absolute_at,
                                    r.idle_at, v_now, v_least), 'revoked');
        RETURN a;
    END IF;

    a.outcome := r.outcome;

    IF r.outcome IN ('ahead', 'reuse') THEN
        PERFORM portero.audit_add('refresh_' || r.outcome, r.sub, p_sid,
            p_address, p_user_agent,
            format('presented %s, row has %s', p_generation, r.generation));
    END IF;

    IF r.outcome <> 'reuse' THEN
        PERFORM portero.session_access_lifetime(p_access, v_now);

        a.generation := r.generation;
        a.renewed := r.renewed;
        a.now_us := portero.microseconds(v_now);
        a.idle_us := portero.microseconds(r.idle_at);
        a.absolute_us := portero.microseconds(r.absolute_at);
    END IF;

    RETURN a;
END
$$;


CREATE FUNCTION portero.session_get(p_sid uuid, p_sub text)
RETURNS portero.session_answer
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    a      portero.session_answer;
    r      portero.sessions;
    v_now  CONSTANT timestamptz := clock_timestamp();
BEGIN
    SELECT s.* INTO r FROM portero.sessions s
    WHERE s.sid = p_sid AND s.sub = p_sub;

    IF NOT FOUND THEN
        a.outcome := 'invalid';
        RETURN a;
    END IF;

    a := portero.session_claims(p_sub);

    a.outcome := coalesce(
        portero.session_refusal(r.ended_at, r.end_reason, r.absolute_at,
                                r.idle_at, v_now, interval '0'),
        a.outcome, 'revoked');

    a.now_us := portero.microseconds(v_now);
    a.idle_us := portero.microseconds(r.idle_at);
    a.absolute_us := portero.microseconds(r.absolute_at);
    RETURN a;
END
$$;


-- Ends a session for whoever proved to hold a token of it: a refresh token
-- (its digest) or an access token (its sub).  Whether it was not ended yet.

CREATE FUNCTION portero.session_end(p_sid uuid, p_digest bytea, p_sub text,
    p_reason text, p_address text, p_user_agent text)
RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_sub  text;
BEGIN
    UPDATE portero.sessions s
    SET ended_at = clock_timestamp(), end_reason = p_reason
    WHERE s.sid = p_sid AND (s.digest = p_digest OR s.sub = p_sub)
      AND s.ended_at IS NULL
    RETURNING s.sub INTO v_sub;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    PERFORM portero.audit_add(p_reason, v_sub, p_sid, p_address,
        p_user_agent);
    RETURN true;
END
$$;


-- Whether a request could be served: the schema is there, the server takes
-- writes.

CREATE FUNCTION portero.ready()
RETURNS boolean
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT NOT pg_is_in_recovery()
$$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA portero FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
    portero.session_create(text, uuid, bytea, integer, integer, integer,
        integer, text, text, uuid, bytea),
    portero.session_refresh(uuid, bytea, bigint, boolean, integer, integer,
        integer, text, text),
    portero.session_get(uuid, text),
    portero.session_end(uuid, bytea, text, text, text, text),
    portero.ready()
TO portero_service;
