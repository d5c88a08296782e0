/* Statements about users. */

#include <string.h>

#include "db_call.h"
#include "log.h"


static db_status_t db_too_long(void);
static int db_copy(char *dst, size_t size, const char *src);


db_status_t
db_ping(db_t *db)
{
    return db_call_boolean(db, "SELECT portero.ready()", NULL);
}


db_status_t
db_user_find(db_t *db, const char *login, db_user_t *user)
{
    char         *hash;
    PGresult     *result;
    db_params_t   params;
    db_status_t   status;

    memset(user, 0, sizeof(*user));

    params.n = 0;
    db_param_text(&params, login);

    status = db_call(db, "SELECT sub, password_hash, disabled"
                         " FROM portero.user_find($1) LIMIT 1",
                     &params, &result);
    if (status != DB_OK) {
        return status;
    }

    hash = PQgetvalue(result, 0, 1);

    if (db_copy(user->sub, sizeof(user->sub), PQgetvalue(result, 0, 0)) != 0
        || db_copy(user->hash, sizeof(user->hash), hash) != 0)
    {
        status = db_too_long();
    }

    user->disabled = strcmp(PQgetvalue(result, 0, 2), "t") == 0;

    explicit_bzero(hash, strlen(hash));
    PQclear(result);

    return status;
}


db_status_t
db_user_of(db_t *db, const char *sub, char login[DB_SUB_SIZE],
    char hash[DB_HASH_SIZE])
{
    char         *stored;
    PGresult     *result;
    db_params_t   params;
    db_status_t   status;

    params.n = 0;
    db_param_text(&params, sub);

    status = db_call(db, "SELECT login, password_hash FROM portero.user_of($1)",
                     &params, &result);
    if (status != DB_OK) {
        return status;
    }

    stored = PQgetvalue(result, 0, 1);

    if (db_copy(login, DB_SUB_SIZE, PQgetvalue(result, 0, 0)) != 0
        || db_copy(hash, DB_HASH_SIZE, stored) != 0)
    {
        status = db_too_long();
    }

    explicit_bzero(stored, strlen(stored));
    PQclear(result);

    return status;
}


db_status_t
db_user_refused(db_t *db, const char *login, const char *sub,
    const char *reason, const db_client_t *client)
{
    PGresult     *result;
    db_params_t   params;
    db_status_t   status;

    params.n = 0;
    db_param_text(&params, login);
    db_param_text(&params, sub);
    db_param_text(&params, reason);
    db_param_text(&params, client->address);
    db_param_text(&params, client->user_agent);

    status = db_call(db, "SELECT portero.user_refused($1, $2, $3, $4, $5)",
                     &params, &result);
    PQclear(result);

    return status;
}


db_status_t
db_user_rehash(db_t *db, const char *sub, const char *old_hash,
    const char *new_hash)
{
    db_params_t  params;

    params.n = 0;
    db_param_text(&params, sub);
    db_param_text(&params, old_hash);
    db_param_text(&params, new_hash);

    return db_call_boolean(db, "SELECT portero.user_rehash($1, $2, $3)",
                           &params);
}


db_status_t
db_user_can_change(db_t *db)
{
    return db_call_boolean(db, "SELECT portero.user_can_change()", NULL);
}


db_status_t
db_user_change_refused(db_t *db, const char *sub, const char *sid,
    const char *reason, const db_client_t *client)
{
    PGresult     *result;
    db_params_t   params;
    db_status_t   status;

    params.n = 0;
    db_param_text(&params, sub);
    db_param_text(&params, sid);
    db_param_text(&params, reason);
    db_param_text(&params, client->address);
    db_param_text(&params, client->user_agent);

    status = db_call(db,
                     "SELECT portero.user_change_refused($1, $2, $3, $4, $5)",
                     &params, &result);
    PQclear(result);

    return status;
}


db_status_t
db_user_can_register(db_t *db)
{
    return db_call_boolean(db, "SELECT portero.user_can_register()", NULL);
}


db_status_t
db_user_register(db_t *db, const char *login, const char *hash,
    const char *email, const db_client_t *client, char sub[DB_SUB_SIZE])
{
    PGresult     *result;
    db_params_t   params;
    db_status_t   status;

    params.n = 0;
    db_param_text(&params, login);
    db_param_text(&params, hash);
    db_param_text(&params, email);
    db_param_text(&params, client->address);
    db_param_text(&params, client->user_agent);

    status = db_call(db, "SELECT portero.user_register($1, $2, $3, $4, $5)",
                     &params, &result);

    if (status == DB_OK
        && db_copy(sub, DB_SUB_SIZE, PQgetvalue(result, 0, 0)) != 0)
    {
        status = DB_FAILED;
    }

    PQclear(result);
    return status;
}


static db_status_t
db_too_long(void)
{
    log_event(LOG_DATABASE_ERROR, "message", "portero.find_user gave a sub or "
              "a name over 255 or a hash over 383 bytes", NULL);

    return DB_FAILED;
}


static int
db_copy(char *dst, size_t size, const char *src)
{
    size_t  len;

    len = strlen(src);

    if (len >= size) {
        *dst = '\0';
        return -1;
    }

    memcpy(dst, src, len + 1);
    return 0;
}
