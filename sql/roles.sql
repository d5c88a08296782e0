-- The two roles and the schema.  A superuser runs this once in the database
-- that Portero is to use; running it again changes nothing:
--
--     psql -d DATABASE -f roles.sql
--
-- Neither role has a password yet.  Where they do not log in by peer or
-- certificate, give them one with \password, which does not log it.
--
-- portero_owner    owns the schema; migrations and the command line.
-- portero_service  the login service: it may execute functions, and no more.

DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['portero_owner', 'portero_service'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles
                       WHERE rolname = v_role)
        THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB'
                           ' NOCREATEROLE NOINHERIT NOREPLICATION', v_role);
        END IF;

        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I',
                       current_database(), v_role);
    END LOOP;
END
$$;

CREATE SCHEMA IF NOT EXISTS portero AUTHORIZATION portero_owner;

-- The service asks again once, and no statement of it takes longer than its
-- caller waits.  The service says the same when it connects; here it also
-- holds behind a pooler that hands out connections of its own.

ALTER ROLE portero_service SET default_transaction_isolation = 'read committed';
ALTER ROLE portero_service SET statement_timeout = '3s';
ALTER ROLE portero_service SET idle_in_transaction_session_timeout = '3s';

-- What others find by its bare name is not looked up in anybody's schema.

ALTER ROLE portero_service SET search_path = pg_catalog, pg_temp;
ALTER ROLE portero_owner SET search_path = pg_catalog, pg_temp;
