-- What is old leaves by itself, a batch at a time.
--
-- A session stays for a day after its last deadline, so that who comes with
-- its token is told why; the log of what happened stays as long as the
-- setting says.


-- absolute_at never changes, so updates stay HOT.

CREATE INDEX sessions_absolute_at ON portero.sessions (absolute_at);


-- How many rows the fullest of the batches had: as many as the limit means
-- that there may be more.  One instance at a time, which waits for nobody.

CREATE FUNCTION portero.cleanup(p_limit integer, p_audit integer)
RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now   timestamptz;
    v_rows  bigint;
    v_most  bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(1886351990, 0) THEN
        RETURN 0;
    END IF;

    v_now := clock_timestamp();

    DELETE FROM portero.sessions s
    WHERE s.ctid = ANY (ARRAY(
        SELECT o.ctid FROM portero.sessions o
        WHERE o.absolute_at < v_now - interval '1 day'
        ORDER BY o.absolute_at
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED));

    GET DIAGNOSTICS v_most = ROW_COUNT;

    DELETE FROM portero.links l
    WHERE l.ctid = ANY (ARRAY(
        SELECT o.ctid FROM portero.links o
        WHERE o.expires_at < v_now - interval '1 day'
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED));

    GET DIAGNOSTICS v_rows = ROW_COUNT;
    v_most := greatest(v_most, v_rows);

    -- Numbers rise with time, near enough: the first ones are the oldest, and
    -- no other index is needed.

    DELETE FROM portero.audit a
    WHERE a.id = ANY (ARRAY(
              SELECT o.id FROM portero.audit o ORDER BY o.id LIMIT p_limit))
      AND a.at < v_now - p_audit * interval '1 second';

    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN greatest(v_most, v_rows);
END
$$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA portero FROM PUBLIC;

GRANT EXECUTE ON FUNCTION portero.cleanup(integer, integer)
TO portero_service;
