-- Tables, and what writes the list of revocations.
--
-- All of it belongs to portero_owner; the service reaches it through the
-- functions of later files alone.  Locks are taken in this order: a user's
-- row, the user's advisory lock, session rows, version rows, the list.

DO $$
BEGIN
    IF (SELECT rolsuper FROM pg_catalog.pg_roles
        WHERE rolname = current_user)
    THEN
        RAISE EXCEPTION 'migrations run as portero_owner, not as the superuser'
            ' "%": the functions act with their owner''s rights', current_user;
    END IF;
END
$$;

ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;

GRANT USAGE ON SCHEMA portero TO portero_service;


-- Users of our own.  An installation with a users table of its own replaces
-- four functions of the next file and leaves these empty.

CREATE TABLE portero.users (
    sub             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    username        text NOT NULL,
    email           text,
    password_hash   text,
    disabled        boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    last_login_at   timestamptz,

    CONSTRAINT users_username_form CHECK (
        username COLLATE "C" ~ '^[A-Za-z0-9._@+-]{1,64}$'),
    CONSTRAINT users_email_form CHECK (
        length(email) <= 254
        AND email ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'),
    CONSTRAINT users_password_hash_length CHECK (length(password_hash) < 384)
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX users_username_key
    ON portero.users (lower(username COLLATE "C"));

CREATE TABLE portero.roles (
    role            text PRIMARY KEY,

    CONSTRAINT roles_role_form CHECK (
        role COLLATE "C" ~ '^[A-Za-z0-9._:@+/-]{1,64}$')
);

CREATE TABLE portero.user_roles (
    sub             uuid NOT NULL
                    REFERENCES portero.users (sub) ON DELETE CASCADE,
    role            text NOT NULL REFERENCES portero.roles (role),

    PRIMARY KEY (sub, role)
);


-- Sessions.  sub has no foreign key: the users may live elsewhere.  No column
-- that changes is indexed and each page has room, so that an update stays on
-- its page and touches no index (HOT); one index on a mutable column would
-- end that.  outcome and renewed are what the last refresh decided: UPDATE
-- can only return what it stored.

CREATE TABLE portero.sessions (
    sid             uuid PRIMARY KEY,
    sub             text NOT NULL,
    digest          bytea NOT NULL,
    generation      bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    rotated_at      timestamptz,
    last_used_at    timestamptz NOT NULL,
    idle_at         timestamptz NOT NULL,
    absolute_at     timestamptz NOT NULL,
    ended_at        timestamptz,
    end_reason      text,
    outcome         text,
    renewed         boolean NOT NULL DEFAULT true,
    address         text,
    user_agent      text,

    CONSTRAINT sessions_digest_length CHECK (length(digest) = 32),
    CONSTRAINT sessions_sub_length CHECK (length(sub) BETWEEN 1 AND 255),
    CONSTRAINT sessions_end CHECK (
        (ended_at IS NULL) = (end_reason IS NULL)),
    CONSTRAINT sessions_end_reason CHECK (
        end_reason IN ('logout', 'replaced', 'limit', 'reuse', 'disabled',
                       'password', 'admin', 'unusable'))
) WITH (fillfactor = 70);

CREATE INDEX sessions_sub ON portero.sessions (sub, created_at);


-- How often what a user may do has changed.  A user without a row has
-- version 1.

CREATE TABLE portero.user_version (
    sub             text PRIMARY KEY,
    ver             bigint NOT NULL
) WITH (fillfactor = 90);


-- How long access tokens live, as instances of the service said within the
-- last minute or so before they signed one: a revocation has to be
-- remembered that long.

CREATE TABLE portero.access_lifetime (
    seconds         integer PRIMARY KEY CHECK (seconds > 0),
    seen_at         timestamptz NOT NULL
);


CREATE TABLE portero.revocation (
    seq             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('sid', 'jti', 'kid', 'sub')),
    value           text NOT NULL,
    ver             bigint,
    exp             timestamptz NOT NULL,

    CONSTRAINT revocation_ver CHECK ((kind = 'sub') = (ver IS NOT NULL))
);

CREATE INDEX revocation_exp ON portero.revocation (exp);


CREATE TABLE portero.audit (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    event           text NOT NULL,
    sub             text,
    sid             uuid,
    address         text,
    user_agent      text,
    detail          text
);


CREATE FUNCTION portero.audit_add(p_event text, p_sub text,
    p_sid uuid DEFAULT NULL, p_address text DEFAULT NULL,
    p_user_agent text DEFAULT NULL, p_detail text DEFAULT NULL)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO portero.audit (event, sub, sid, address, user_agent, detail)
    VALUES (p_event, p_sub, p_sid, p_address, p_user_agent, p_detail)
$$;


-- Appends to the list.  Whoever has the lock draws the next number and has
-- committed before anybody else draws one, so numbers become visible in their
-- order: a reader that saw 7 will not find a 6 later.  The lock is held to
-- the end of the transaction, so the triggers below are deferred to there.

CREATE FUNCTION portero.revocation_add(p_kind text, p_value text,
    p_ver bigint DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now       timestamptz;
    v_lifetime  integer;
    v_leeway    CONSTANT interval := '1 minute';
BEGIN
    PERFORM pg_advisory_xact_lock(1886351988, 1);

    v_now := clock_timestamp();

    SELECT max(l.seconds) INTO v_lifetime
    FROM portero.access_lifetime l
    WHERE l.seen_at > v_now - l.seconds * interval '1 second'
                      - interval '2 minutes';

    DELETE FROM portero.revocation r WHERE r.exp <= v_now;

    INSERT INTO portero.revocation (kind, value, ver, exp)
    VALUES (p_kind, p_value, p_ver,
            v_now + coalesce(v_lifetime, 0) * interval '1 second' + v_leeway);
END
$$;


CREATE FUNCTION portero.session_ended()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM portero.revocation_add('sid', NEW.sid::text);
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER session_ended
    AFTER UPDATE ON portero.sessions
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW
    WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
    EXECUTE FUNCTION portero.session_ended();


CREATE FUNCTION portero.user_version_raised()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM portero.revocation_add('sub', NEW.sub, NEW.ver);
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER user_version_raised
    AFTER INSERT OR UPDATE ON portero.user_version
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW
    EXECUTE FUNCTION portero.user_version_raised();


-- For triggers on tables of one's own, too: what this user may do changed.
-- Nobody is signed out; gateways refuse the tokens signed so far, and the
-- next refresh brings one with the new roles.

CREATE FUNCTION portero.touch_user(sub text)
RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO portero.user_version AS v (sub, ver)
    VALUES (touch_user.sub, 2)
    ON CONFLICT (sub) DO UPDATE SET ver = v.ver + 1
$$;


-- Ends all sessions of a user; gateways refuse their tokens.  Logins of the
-- user wait until this is done.

CREATE FUNCTION portero.end_sessions(sub text, reason text DEFAULT 'admin')
RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count  bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(1886351989, hashtext(end_sessions.sub));

    UPDATE portero.sessions s
    SET ended_at = clock_timestamp(), end_reason = end_sessions.reason
    WHERE s.sub = end_sessions.sub AND s.ended_at IS NULL;

    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;


CREATE FUNCTION portero.users_changed()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.disabled THEN
        PERFORM portero.end_sessions(OLD.sub::text, 'disabled');
    END IF;

    PERFORM portero.touch_user(OLD.sub::text);
    RETURN NULL;
END
$$;

CREATE TRIGGER users_disabled
    AFTER UPDATE ON portero.users
    FOR EACH ROW
    WHEN (OLD.disabled IS DISTINCT FROM NEW.disabled)
    EXECUTE FUNCTION portero.users_changed();

CREATE TRIGGER users_deleted
    AFTER DELETE ON portero.users
    FOR EACH ROW
    EXECUTE FUNCTION portero.users_changed();


-- Users made in this very transaction hold no token yet, and a deleted one is
-- seen to above: neither needs a line in the list.

CREATE FUNCTION portero.user_roles_changed()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM portero.touch_user(u.sub::text)
    FROM portero.users u
    WHERE u.sub IN (SELECT c.sub FROM changed c)
      AND u.created_at <> now();

    RETURN NULL;
END
$$;

CREATE TRIGGER user_roles_granted
    AFTER INSERT ON portero.user_roles
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT
    EXECUTE FUNCTION portero.user_roles_changed();

CREATE TRIGGER user_roles_replaced
    AFTER UPDATE ON portero.user_roles
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT
    EXECUTE FUNCTION portero.user_roles_changed();

CREATE TRIGGER user_roles_withdrawn
    AFTER DELETE ON portero.user_roles
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT
    EXECUTE FUNCTION portero.user_roles_changed();
