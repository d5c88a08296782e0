-- What /metrics tells that only the database knows.  Sessions that ended are
-- counted when they do, because rows are cleaned up later: a counter never
-- falls.  Those that ran out (idle, expired) end without anybody's doing, and
-- are not among them.

CREATE TABLE portero.session_ends (
    reason  text PRIMARY KEY,
    n       bigint NOT NULL
) WITH (fillfactor = 50);

CREATE FUNCTION portero.session_ended_count()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO portero.session_ends AS e (reason, n)
    VALUES (NEW.end_reason, 1)
    ON CONFLICT (reason) DO UPDATE SET n = e.n + 1;
    RETURN NULL;
END
$$;

-- By its name it comes after session_ended, whose lock lets one transaction
-- at a time through: two that end sessions cannot wait for each other here.

CREATE CONSTRAINT TRIGGER session_ended_count
    AFTER UPDATE ON portero.sessions
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW
    WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
    EXECUTE FUNCTION portero.session_ended_count();


CREATE FUNCTION portero.metrics()
RETURNS TABLE (live bigint, ended text)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (SELECT count(*) FROM portero.sessions s
            WHERE s.ended_at IS NULL AND s.idle_at > clock_timestamp()
              AND s.absolute_at > clock_timestamp()),
           (SELECT coalesce(jsonb_object_agg(e.reason, e.n), '{}')::text
            FROM portero.session_ends e)
$$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA portero FROM PUBLIC;

GRANT EXECUTE ON FUNCTION portero.metrics() TO portero_service;
