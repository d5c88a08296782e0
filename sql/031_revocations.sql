-- The list of revocations, as gateways read it.
--
-- Numbers become visible in their order (revocation_add), so whoever has read
-- up to one has missed none before it.  The newest entry is never deleted by
-- another than its successor, so the highest number that is visible is the
-- last that was given out.
--
-- The epoch is another one where numbers may have been given out twice: in
-- another cluster, on another timeline (a replica that was promoted, recovery
-- to a point in time), for another table (a restored dump).

CREATE FUNCTION portero.revocation_list(p_since bigint, p_limit integer)
RETURNS text
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH page AS (
        SELECT r.seq, r.kind, r.value, r.ver, r.exp
        FROM portero.revocation r
        WHERE r.seq > p_since
        ORDER BY r.seq
        LIMIT p_limit
    ), reached AS (
        SELECT coalesce(max(p.seq), 0) AS page,
               (SELECT coalesce(max(r.seq), 0) FROM portero.revocation r)
                   AS newest
        FROM page p
    )
    SELECT json_build_object(
        'epoch', (SELECT left(md5(concat_ws('-', c.system_identifier,
                      left(pg_walfile_name(pg_current_wal_lsn()), 8),
                      'portero.revocation'::regclass::oid)), 16)
                  FROM pg_control_system() c),
        'seq', CASE WHEN r.page = 0 THEN r.newest ELSE r.page END,
        'more', r.page > 0 AND r.page < r.newest,
        'entries', coalesce(
            (SELECT json_agg(json_strip_nulls(json_build_object(
                'seq', p.seq, 'kind', p.kind, 'value', p.value, 'ver', p.ver,
                'exp', ceil(extract(epoch FROM p.exp))::bigint))
                ORDER BY p.seq)
             FROM page p WHERE p.exp > clock_timestamp()),
            '[]'::json))::text
    FROM reached r
$$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA portero FROM PUBLIC;

GRANT EXECUTE ON FUNCTION portero.revocation_list(bigint, integer)
TO portero_service;
