-- What the command line calls, as portero_owner.  None of it is granted to
-- the service.


CREATE FUNCTION portero.admin_sub(login text)
RETURNS uuid
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.sub FROM portero.users u
    WHERE lower(u.username COLLATE "C") = lower(admin_sub.login COLLATE "C")
$$;


CREATE FUNCTION portero.admin_user_role(login text, role text,
    granted boolean)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_sub  CONSTANT uuid := portero.admin_sub(login);
BEGIN
    IF v_sub IS NULL THEN
        RETURN false;
    END IF;

    IF granted THEN
        INSERT INTO portero.roles AS r (role) VALUES (admin_user_role.role)
        ON CONFLICT DO NOTHING;

        INSERT INTO portero.user_roles AS r (sub, role)
        VALUES (v_sub, admin_user_role.role)
        ON CONFLICT DO NOTHING;

    ELSE
        DELETE FROM portero.user_roles r
        WHERE r.sub = v_sub AND r.role = admin_user_role.role;
    END IF;

    PERFORM portero.audit_add(
        CASE WHEN granted THEN 'role_granted' ELSE 'role_withdrawn' END,
        v_sub::text, p_detail => admin_user_role.role);
    RETURN true;
END
$$;


CREATE FUNCTION portero.admin_user_add(login text, password_hash text,
    email text, roles text[])
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_sub   uuid;
    v_role  text;
BEGIN
    INSERT INTO portero.users AS u (username, password_hash, email)
    VALUES (login, admin_user_add.password_hash, admin_user_add.email)
    RETURNING u.sub INTO v_sub;

    PERFORM portero.audit_add('user_added', v_sub::text, p_detail => login);

    FOREACH v_role IN ARRAY coalesce(roles, '{}') LOOP
        PERFORM portero.admin_user_role(login, v_role, true);
    END LOOP;

    RETURN v_sub::text;
END
$$;


CREATE FUNCTION portero.admin_user_list()
RETURNS TABLE (sub text, username text, email text, roles text[],
               disabled boolean, created_at timestamptz,
               last_login_at timestamptz)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.sub::text, u.username, u.email,
           ARRAY(SELECT r.role FROM portero.user_roles r
                 WHERE r.sub = u.sub ORDER BY r.role),
           u.disabled, u.created_at, u.last_login_at
    FROM portero.users u
    ORDER BY lower(u.username COLLATE "C")
$$;


-- A trigger of the table ends the sessions.

CREATE FUNCTION portero.admin_user_set_disabled(login text, disabled boolean)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_sub  CONSTANT uuid := portero.admin_sub(login);
BEGIN
    UPDATE portero.users u SET disabled = admin_user_set_disabled.disabled
    WHERE u.sub = v_sub;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    PERFORM portero.audit_add(
        CASE WHEN admin_user_set_disabled.disabled
             THEN 'user_disabled' ELSE 'user_enabled' END, v_sub::text);
    RETURN true;
END
$$;


CREATE FUNCTION portero.admin_user_password(login text, hash text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_sub  CONSTANT uuid := portero.admin_sub(login);
BEGIN
    UPDATE portero.users u SET password_hash = hash WHERE u.sub = v_sub;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    PERFORM portero.end_sessions(v_sub::text, 'password');
    PERFORM portero.audit_add('password_set', v_sub::text);
    RETURN true;
END
$$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA portero FROM PUBLIC;
