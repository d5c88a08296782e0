-- What is counted changes with each try, so no index may have it: then an
-- update stays on its page and touches no index (HOT).  A row can go an hour
-- after its count fell to nothing, or a whole fall; for as long the mark of a
-- wrong password would count.  That time is rounded up to hours, and so changes
-- once an hour.

DROP INDEX portero.throttle_empty_at;

ALTER TABLE portero.throttle
    ADD COLUMN gone_at timestamptz NOT NULL
    DEFAULT date_trunc('hour', clock_timestamp()) + interval '2 days';

CREATE INDEX throttle_gone_at ON portero.throttle (gone_at);


CREATE OR REPLACE FUNCTION portero.throttle_count(p_account text,
    p_source text, p_size integer, p_fall integer, p_now timestamptz)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_fall  CONSTANT interval := p_fall * interval '1 second';
    v_keep  CONSTANT interval := interval '1 hour'
                                 + greatest(v_fall, interval '1 hour');
BEGIN
    INSERT INTO portero.throttle AS t (account, source, empty_at, gone_at)
    VALUES (p_account, p_source, p_now + v_fall,
            date_trunc('hour', p_now + v_fall) + v_keep)
    ON CONFLICT (account, source) DO UPDATE
    SET empty_at = greatest(t.empty_at, p_now) + v_fall,
        gone_at = date_trunc('hour', greatest(t.empty_at, p_now) + v_fall)
                  + v_keep
    WHERE t.empty_at <= p_now + (p_size - 1) * v_fall;

    RETURN FOUND;
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

    -- What fell to nothing long ago goes, more of it than came.

    DELETE FROM portero.throttle t
    WHERE t.ctid = ANY (ARRAY(
        SELECT o.ctid FROM portero.throttle o
        WHERE o.gone_at < v_now
        ORDER BY o.gone_at
        LIMIT 8
        FOR UPDATE SKIP LOCKED));

    wait := 0;
    RETURN NEXT;
END
$$;
