-- Which HMAC keys there are, by their fingerprints, so that an instance with
-- another KEY_DIR is not taken into service by mistake.


CREATE TABLE portero.key_ring (
    number          integer PRIMARY KEY,
    fingerprint     text NOT NULL,
    seen_at         timestamptz NOT NULL DEFAULT now()
);


-- known, other or older.  One at a time, so that of two instances which begin
-- with different keys on a new database one is refused.  Retired keys are
-- removed from the directory in time; the newest never is.

CREATE FUNCTION portero.ring_check(p_numbers integer[],
    p_fingerprints text[])
RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1886351988, 2);

    IF EXISTS (SELECT
               FROM unnest(p_numbers, p_fingerprints) AS g (number, fingerprint)
               JOIN portero.key_ring k ON k.number = g.number
               WHERE k.fingerprint <> g.fingerprint)
    THEN
        RETURN 'other';
    END IF;

    IF (SELECT max(k.number) FROM portero.key_ring k)
       > coalesce((SELECT max(g) FROM unnest(p_numbers) AS g), 0)
    THEN
        RETURN 'older';
    END IF;

    INSERT INTO portero.key_ring (number, fingerprint)
    SELECT g.number, g.fingerprint
    FROM unnest(p_numbers, p_fingerprints) AS g (number, fingerprint)
    WHERE NOT EXISTS (SELECT FROM portero.key_ring k
                      WHERE k.number = g.number);

    RETURN 'known';
END
$$;


CREATE FUNCTION portero.admin_ring_adopt(numbers integer[],
    fingerprints text[])
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1886351988, 2);

    DELETE FROM portero.key_ring;

    INSERT INTO portero.key_ring (number, fingerprint)
    SELECT g.number, g.fingerprint
    FROM unnest(numbers, fingerprints) AS g (number, fingerprint);

    PERFORM portero.audit_add('keys_adopted', NULL);
    RETURN true;
END
$$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA portero FROM PUBLIC;

GRANT EXECUTE ON FUNCTION portero.ring_check(integer[], text[])
TO portero_service;
