-- How often who may be wrong.
--
-- Each count is one time: when it will have fallen to nothing.  One more moves
-- that time on by what it takes to fall by one, if the result still is within
-- the limit; so a count needs no clock of its own, and counting is one upsert
-- that is right under any concurrency.
--
-- A row is of a network (no account), of an account (no source), or of an
-- account and a source: a network, or a known device.  A name that nobody has
-- is kept as an HMAC, for it may be a password typed into the wrong field.
--
-- Unlogged: an attack must not write the log of the database full, and what a
-- crash forgets is a few minutes of counting.  Locks are taken in the order
-- network, account and source, account.

CREATE UNLOGGED TABLE portero.throttle (
    account         text COLLATE "C" NOT NULL,
    source          text COLLATE "C" NOT NULL,
    empty_at        timestamptz NOT NULL,
    mark            integer,
    told_at         timestamptz,

    PRIMARY KEY (account, source)
) WITH (fillfactor = 70);

CREATE INDEX throttle_empty_at ON portero.throttle (empty_at);


-- Where a user logged in from.  Logged, because who lost this could be kept
-- out by a stranger.

CREATE TABLE portero.known_network (
    sub             text NOT NULL,
    network         text COLLATE "C" NOT NULL,
    seen_at         timestamptz NOT NULL,

    PRIMARY KEY (sub, network)
);

CREATE INDEX known_network_seen_at ON portero.known_network (seen_at);


-- The limits that a try is under, in the order of their locks.  A known device
-- has an allowance of its own: it does not share that of its network, which a
-- stranger in the same network may have used up.

CREATE FUNCTION portero.throttle_limits(p_account text, p_device text,
    p_network text, p_pair_size integer, p_pair_fall integer,
    p_network_size integer, p_network_fall integer, p_account_size integer,
    p_account_fall integer)
RETURNS TABLE (letter text, name text, account text, source text,
               size integer, fall integer)
LANGUAGE sql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.letter, v.name, v.account, v.source, v.size, v.fall
    FROM (VALUES
        (1, 'n', 'network', '', p_network, p_network_size, p_network_fall,
         p_device IS NULL),
        (2, 'p', 'account_network', p_account, coalesce(p_device, p_network),
         p_pair_size, p_pair_fall, p_account IS NOT NULL),
        (3, 'a', 'account', p_account, '', p_account_size, p_account_fall,
         p_account IS NOT NULL))
        AS v (rank, letter, name, account, source, size, fall, applies)
    WHERE v.applies
    ORDER BY v.rank
$$;


-- Seconds until one more fits; 0: it does.

CREATE FUNCTION portero.throttle_wait(p_account text, p_source text,
    p_size integer, p_fall integer, p_now timestamptz)
RETURNS integer
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((
        SELECT greatest(0, ceil(extract(epoch FROM t.empty_at - p_now)
                                - (p_size - 1) * p_fall::bigint))::integer
        FROM portero.throttle t
        WHERE t.account = p_account AND t.source = p_source), 0)
$$;


-- Whether there was room for one more.

CREATE FUNCTION portero.throttle_count(p_account text, p_source text,
    p_size integer, p_fall integer, p_now timestamptz)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_fall  CONSTANT interval := p_fall * interval '1 second';
BEGIN
    INSERT INTO portero.throttle AS t (account, source, empty_at)
    VALUES (p_account, p_source, p_now + v_fall)
    ON CONFLICT (account, source) DO UPDATE
    SET empty_at = greatest(t.empty_at, p_now) + v_fall
    WHERE t.empty_at <= p_now + (p_size - 1) * v_fall;

    RETURN FOUND;
END
$$;


-- One less, in each of the counts whose letters are given.

CREATE FUNCTION portero.throttle_return(p_account text, p_device text,
    p_network text, p_counted text, p_pair_fall integer,
    p_network_fall integer, p_account_fall integer)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    l  record;
BEGIN
    FOR l IN
        SELECT * FROM portero.throttle_limits(p_account, p_device, p_network,
            1, p_pair_fall, 1, p_network_fall, 1, p_account_fall)
    LOOP
        IF strpos(p_counted, l.letter) > 0 THEN
            UPDATE portero.throttle t
            SET empty_at = t.empty_at - l.fall * interval '1 second'
            WHERE t.account = l.account AND t.source = l.source;
        END IF;
    END LOOP;
END
$$;


-- From here on: what the service calls.


-- Takes one of each allowance before a password or a secret is looked at, or
-- none at all: then refused names the limit, and wait the seconds until it may
-- be tried again.  The limit of the account does not stop a known device, nor
-- a network from which the user logged in lately.  Who is refused only reads,
-- but for the moments in which two ask for the last of an allowance.

CREATE FUNCTION portero.throttle_take(p_account text, p_sub text,
    p_device text, p_network text, p_pair_size integer, p_pair_fall integer,
    p_network_size integer, p_network_fall integer, p_account_size integer,
    p_account_fall integer)
RETURNS TABLE (refused text, wait integer, counted text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    l        record;
    v_now    CONSTANT timestamptz := clock_timestamp();
    v_known  CONSTANT boolean := p_device IS NOT NULL OR EXISTS (
                 SELECT FROM portero.known_network k
                 WHERE k.sub = p_sub AND k.network = p_network
                   AND k.seen_at > v_now - interval '30 days');
BEGIN
    counted := '';

    FOR l IN
        SELECT * FROM portero.throttle_limits(p_account, p_device, p_network,
            p_pair_size, p_pair_fall, p_network_size, p_network_fall,
            p_account_size, p_account_fall)
    LOOP
        wait := portero.throttle_wait(l.account, l.source, l.size, l.fall,
            v_now);

        IF wait > 0 AND NOT (v_known AND l.letter = 'a') THEN
            refused := l.name;
            RETURN NEXT;
            RETURN;
        END IF;
    END LOOP;

    FOR l IN
        SELECT * FROM portero.throttle_limits(p_account, p_device, p_network,
            p_pair_size, p_pair_fall, p_network_size, p_network_fall,
            p_account_size, p_account_fall)
    LOOP
        IF portero.throttle_count(l.account, l.source, l.size, l.fall, v_now)
        THEN
            counted := counted || l.letter;

        ELSIF NOT (v_known AND l.letter = 'a') THEN
            PERFORM portero.throttle_return(p_account, p_device, p_network,
                counted, p_pair_fall, p_network_fall, p_account_fall);
            refused := l.name;
            wait := l.fall;
            counted := '';
            RETURN NEXT;
            RETURN;
        END IF;
    END LOOP;

    -- What fell to nothing long ago goes, more of it than came.  A mark is
    -- kept for as long as it would count.

    DELETE FROM portero.throttle t
    WHERE t.ctid = ANY (ARRAY(
        SELECT o.ctid FROM portero.throttle o
        WHERE o.empty_at < v_now - greatest(interval '1 hour',
                                       p_account_fall * interval '1 second')
        ORDER BY o.empty_at
        LIMIT 8
        FOR UPDATE SKIP LOCKED));

    wait := 0;
    RETURN NEXT;
END
$$;


-- The password was wrong.  The same one as the last time, as far as 16 bits
-- tell, does not count for the account: a device that repeats an old password
-- guesses nothing.  Whether the account has just reached its limit, and nobody
-- was told within a day.

CREATE FUNCTION portero.throttle_wrong(p_account text, p_device text,
    p_network text, p_counted text, p_mark integer, p_pair_fall integer,
    p_network_fall integer, p_account_size integer, p_account_fall integer)
RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_mark    integer;
    v_source  CONSTANT text := coalesce(p_device, p_network);
    v_now     CONSTANT timestamptz := clock_timestamp();
BEGIN
    SELECT t.mark INTO v_mark FROM portero.throttle t
    WHERE t.account = p_account AND t.source = v_source
    FOR UPDATE;

    IF v_mark = p_mark THEN
        PERFORM portero.throttle_return(p_account, p_device, p_network,
            translate(p_counted, 'n', ''), p_pair_fall, p_network_fall,
            p_account_fall);
        RETURN false;
    END IF;

    UPDATE portero.throttle t SET mark = p_mark
    WHERE t.account = p_account AND t.source = v_source;

    IF portero.throttle_wait(p_account, '', p_account_size, p_account_fall,
                             v_now) = 0
    THEN
        RETURN false;
    END IF;

    UPDATE portero.throttle t SET told_at = v_now
    WHERE t.account = p_account AND t.source = ''
      AND coalesce(t.told_at < v_now - interval '1 day', true);

    RETURN FOUND;
END
$$;


-- The password was right, or nothing was looked at: what was taken is given
-- back.  Of a login p_sub is given, and its network is remembered; whether it
-- was known.

CREATE FUNCTION portero.throttle_passed(p_account text, p_device text,
    p_network text, p_counted text, p_sub text, p_pair_fall integer,
    p_network_fall integer, p_account_fall integer)
RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_seen  timestamptz;
    v_now   CONSTANT timestamptz := clock_timestamp();
BEGIN
    PERFORM portero.throttle_return(p_account, p_device, p_network, p_counted,
        p_pair_fall, p_network_fall, p_account_fall);

    IF p_sub IS NULL THEN
        RETURN true;
    END IF;

    SELECT k.seen_at INTO v_seen FROM portero.known_network k
    WHERE k.sub = p_sub AND k.network = p_network;

    -- Once a day is often enough to write it down.

    IF v_seen > v_now - interval '1 day' THEN
        RETURN true;
    END IF;

    DELETE FROM portero.known_network k
    WHERE k.ctid = ANY (ARRAY(
        SELECT o.ctid FROM portero.known_network o
        WHERE o.seen_at < v_now - interval '30 days'
        ORDER BY o.seen_at
        LIMIT 8
        FOR UPDATE SKIP LOCKED));

    INSERT INTO portero.known_network AS k (sub, network, seen_at)
    VALUES (p_sub, p_network, v_now)
    ON CONFLICT (sub, network) DO UPDATE SET seen_at = excluded.seen_at;

    RETURN coalesce(v_seen > v_now - interval '30 days', false);
END
$$;


-- For the command line: forgets what was counted against a user.

CREATE FUNCTION portero.admin_user_unlock(login text)
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

    DELETE FROM portero.throttle t WHERE t.account = 's:' || v_sub;

    PERFORM portero.audit_add('user_unlocked', v_sub);
    RETURN true;
END
$$;


GRANT EXECUTE ON FUNCTION
    portero.throttle_take(text, text, text, text, integer, integer, integer,
        integer, integer, integer),
    portero.throttle_wrong(text, text, text, text, integer, integer, integer,
        integer, integer),
    portero.throttle_passed(text, text, text, text, text, integer, integer,
        integer)
TO portero_service;
