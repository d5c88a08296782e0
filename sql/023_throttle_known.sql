-- An account has two limits of its own: one for strangers, and one for all
-- that is known, devices and networks together.  Whoever once knew the password
-- may have logged in from many networks, and got many devices known; without
-- the second limit each would bring tries of its own, for as long as it is
-- known.


DROP FUNCTION portero.throttle_limits(text, text, text, integer, integer,
    integer, integer, integer, integer);


-- p_known NULL: the limits of both kinds.

CREATE FUNCTION portero.throttle_limits(p_account text, p_device text,
    p_network text, p_known boolean, p_pair_size integer, p_pair_fall integer,
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
         p_account IS NOT NULL AND p_known IS NOT TRUE),
        (4, 'k', 'account', p_account, 'known', p_account_size,
         p_account_fall, p_account IS NOT NULL AND p_known IS NOT FALSE))
        AS v (rank, letter, name, account, source, size, fall, applies)
    WHERE v.applies
    ORDER BY v.rank
$$;


CREATE OR REPLACE FUNCTION portero.throttle_return(p_account text,
    p_device text, p_network text, p_counted text, p_pair_fall integer,
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
            NULL, 1, p_pair_fall, 1, p_network_fall, 1, p_account_fall)
    LOOP
        IF strpos(p_counted, l.letter) > 0 THEN
            UPDATE portero.throttle t
            SET empty_at = t.empty_at - l.fall * interval '1 second'
            WHERE t.account = l.account AND t.source = l.source;
        END IF;
    END LOOP;
END
$$;


CREATE OR REPLACE FUNCTION portero.throttle_take(p_account text, p_sub text,
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
            v_known, p_pair_size, p_pair_fall, p_network_size, p_network_fall,
            p_account_size, p_account_fall)
    LOOP
        wait := portero.throttle_wait(l.account, l.source, l.size, l.fall,
            v_now);

        IF wait > 0 THEN
            refused := l.name;
            RETURN NEXT;
            RETURN;
        END IF;
    END LOOP;

    FOR l IN
        SELECT * FROM portero.throttle_limits(p_account, p_device, p_network,
            v_known, p_pair_size, p_pair_fall, p_network_size, p_network_fall,
            p_account_size, p_account_fall)
    LOOP
        IF portero.throttle_count(l.account, l.source, l.size, l.fall, v_now)
        THEN
            counted := counted || l.letter;

        ELSE
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


CREATE OR REPLACE FUNCTION portero.throttle_wrong(p_account text,
    p_device text, p_network text, p_counted text, p_mark integer, p_pair_fall integer,
    p_network_fall integer, p_account_size integer, p_account_fall integer)
RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_mark    integer;
    v_source  CONSTANT text := coalesce(p_device, p_network);
    v_whole   CONSTANT text := CASE WHEN strpos(p_counted, 'k') > 0
                                    THEN 'known' ELSE '' END;
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

    IF portero.throttle_wait(p_account, v_whole, p_account_size,
                             p_account_fall, v_now) = 0
    THEN
        RETURN false;
    END IF;

    UPDATE portero.throttle t SET told_at = v_now
    WHERE t.account = p_account AND t.source = v_whole
      AND coalesce(t.told_at < v_now - interval '1 day', true);

    RETURN FOUND;
END
$$;


-- Nothing is counted against a user any more.  The locks are taken in the
-- order in which tries take them.

CREATE FUNCTION portero.throttle_forget(p_sub text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM portero.throttle t
    WHERE t.account = 's:' || p_sub
    ORDER BY t.source IN ('', 'known'), t.source
    FOR UPDATE;

    DELETE FROM portero.throttle t WHERE t.account = 's:' || p_sub;
END
$$;


CREATE OR REPLACE FUNCTION portero.admin_user_unlock(login text)
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

    PERFORM portero.throttle_forget(v_sub);

    PERFORM portero.audit_add('user_unlocked', v_sub);
    RETURN true;
END
$$;


CREATE OR REPLACE FUNCTION portero.link_reset(p_digest bytea, p_old text, p_new text,
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
    PERFORM portero.throttle_forget(v_sub);

    RETURN true;
END
$$;
