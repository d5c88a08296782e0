/*
 * PostgreSQL, by asynchronous libpq: one connection per process, one function
 * per statement, named as the function of the schema "portero" that it calls.
 *
 * A call takes 3 s at most, connecting included, by CLOCK_MONOTONIC; libpq
 * looks up host names outside of that limit.  When it has passed, the
 * connection is dropped and further calls fail at once for a second: a frozen
 * server must not hold a lane of workers.
 */

#ifndef DB_H
#define DB_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "config.h"
#include "service.h"


typedef enum {
    DB_OK,
    DB_NONE,            /* no such row, or nothing that could be done to it */
    DB_CONFLICT,        /* somebody has this name already */
    DB_UNAVAILABLE,     /* no answer: whether it took effect is open */
    DB_FAILED           /* the statement is wrong, or the schema; logged */
} db_status_t;

/* Does not connect yet.  NULL if DATABASE_URL is malformed; it is logged. */
db_t *db_new(const config_t *config);
void db_free(db_t *db);

/* DB_OK: statements that write would work. */
db_status_t db_ping(db_t *db);

/*
 * How many sessions are live; and how many were ended, a JSON object of counts
 * by reason, the caller's to free.  NULL unless DB_OK.
 */
db_status_t db_metrics(db_t *db, int64_t *live, char **ended);


/* Who asks, for the audit.  Valid UTF-8, as all texts here; may be NULL. */
typedef struct {
    const char   *address;
    const char   *user_agent;
} db_client_t;

#define DB_SUB_SIZE   256
#define DB_HASH_SIZE  384

typedef struct {
    char          sub[DB_SUB_SIZE];
    char          hash[DB_HASH_SIZE];   /* "": this user has no password */
    int           disabled;
} db_user_t;

/* DB_NONE: nobody has this name. */
db_status_t db_user_find(db_t *db, const char *login, db_user_t *user);

/*
 * The name and the hash of a sub.  DB_NONE: this user may not be signed in.
 */
db_status_t db_user_of(db_t *db, const char *sub, char login[DB_SUB_SIZE],
    char hash[DB_HASH_SIZE]);

/* A login that was refused goes to the audit; sub may be NULL. */
db_status_t db_user_refused(db_t *db, const char *login, const char *sub,
    const char *reason, const db_client_t *client);

/* Replaces a hash if it still is the old one; else DB_NONE. */
db_status_t db_user_rehash(db_t *db, const char *sub, const char *old_hash,
    const char *new_hash);

/* DB_NONE: this installation has no function to change a password with. */
db_status_t db_user_can_change(db_t *db);

/* A change of password that was refused goes to the audit. */
db_status_t db_user_change_refused(db_t *db, const char *sub, const char *sid,
    const char *reason, const db_client_t *client);

/* DB_NONE: this installation has no functions to register with. */
db_status_t db_user_can_register(db_t *db);
db_status_t db_user_register(db_t *db, const char *login, const char *hash,
    const char *email /* or NULL */, const db_client_t *client,
    char sub[DB_SUB_SIZE]);


typedef enum {
    DB_LINK_INVITE,
    DB_LINK_RESET
} db_link_t;

/*
 * A link that can be used, by its digest of 32 bytes; sub is "" for an invite.
 * DB_NONE: there is none, it was used, it is too old.
 */
db_status_t db_link_find(db_t *db, db_link_t kind,
    const unsigned char *digest, char sub[DB_SUB_SIZE]);

/*
 * Uses one, and sets the password of its user if the hash still is the old
 * one (NULL: there is none), else DB_UNAVAILABLE.  DB_NONE as above.
 */
db_status_t db_link_reset(db_t *db, const unsigned char *digest,
    const char *old_hash, const char *new_hash, const db_client_t *client);

/* As db_user_register(), and uses an invite.  DB_NONE as above. */
db_status_t db_link_register(db_t *db, const unsigned char *digest,
    const char *login, const char *hash, const char *email,
    const db_client_t *client, char sub[DB_SUB_SIZE]);


/*
 * A try that is throttled.  What it is counted for is the caller's; NULL: not
 * for this.  The rest is written by db_throttle_take(): wait in seconds, 0 if
 * an allowance was taken, else refused is the limit.
 */
typedef struct {
    const char   *account;
    const char   *device;
    const char   *network;      /* never NULL */
    const char   *sub;          /* whose known networks are asked for */
    char          refused[24];
    char          counted[4];
    int           wait;
} db_throttle_t;

db_status_t db_throttle_take(db_t *db, db_throttle_t *throttle);

/* DB_OK: the account has just reached its limit; DB_NONE: it has not. */
db_status_t db_throttle_wrong(db_t *db, const db_throttle_t *throttle,
    unsigned mark);

/*
 * Gives back what was taken; of a login the network is remembered.  DB_NONE: it
 * was not known.
 */
db_status_t db_throttle_passed(db_t *db, const db_throttle_t *throttle,
    int login);


/* The order is that of the table in db_session.c. */
typedef enum {
    DB_SESSION_LIVE,        /* created, or found */
    DB_SESSION_ROTATED,
    DB_SESSION_SAME,        /* rotated a moment ago: the same token again */
    DB_SESSION_RETRY,       /* superseded a moment ago: its successor */
    DB_SESSION_AHEAD,       /* the database lost a commit of ours */
    DB_SESSION_REUSE,       /* an old token: this call ended the session */
    DB_SESSION_REUSED,      /* such a call ended it before */
    DB_SESSION_REVOKED,     /* ended otherwise, or its user is disabled */
    DB_SESSION_EXPIRED,     /* past its absolute end */
    DB_SESSION_IDLE,
    DB_SESSION_INVALID,     /* there is no such session */
    DB_SESSION_OUTCOMES
} db_outcome_t;

/*
 * Times are microseconds since 1970 by the database's clock.  Of a refusal
 * only outcome and sub are set (sub may be ""); of db_session_get()'s answer
 * all but generation and renewed.  Texts are "" where SQL says NULL.
 */
typedef struct {
    db_outcome_t       outcome;
    uint32_t           generation;
    int                renewed;
    int64_t            ver;
    int64_t            now;
    int64_t            idle;
    int64_t            absolute;
    const char        *sub;
    const char        *name;
    const char        *roles;       /* a JSON array of strings */
    const char        *scope;
    const char        *extra;       /* a JSON object, or "" */
    struct pg_result  *texts;       /* owns them */
} db_session_t;

/* Every db_session_t that a call filled; calls that fail leave it empty. */
void db_session_free(db_session_t *session);

typedef struct {
    const char            *sid;         /* UUID text */
    const unsigned char   *digest;      /* 32 bytes */
} db_proof_t;

/*
 * A new session for sub, which ends the one that replaced proves, if that is
 * not NULL.  Outcomes: LIVE, or REVOKED for a user who may not be signed in.
 */
db_status_t db_session_create(db_t *db, const char *sub,
    const db_proof_t *proof, const db_proof_t *replaced,
    const db_client_t *client, db_session_t *session);

/*
 * Replaces the hash of the user of a session, asking, if it still is the old
 * one (else DB_UNAVAILABLE), and all sessions of this user by a new one.
 * Outcomes: LIVE, or REVOKED if the one that asks has ended.
 */
typedef struct {
    const char   *sub;
    const char   *asking;       /* UUID text */
    const char   *old_hash;
    const char   *new_hash;
} db_change_t;

db_status_t db_session_change_password(db_t *db, const db_change_t *change,
    const db_proof_t *proof, const db_client_t *client,
    db_session_t *session);

/* All outcomes but LIVE. */
db_status_t db_session_refresh(db_t *db, const db_proof_t *proof,
    uint32_t generation, int renew, const db_client_t *client,
    db_session_t *session);

/* LIVE, REUSED, REVOKED, EXPIRED, IDLE, INVALID. */
db_status_t db_session_get(db_t *db, const char *sid, const char *sub,
    db_session_t *session);

/*
 * Ends a session that a refresh token proves (digest), or an access token
 * (digest NULL, and sub).  DB_NONE: it had ended, or is unknown.
 */
db_status_t db_session_end(db_t *db, const db_proof_t *proof,
    const char *sub, const char *reason, const db_client_t *client);

/*
 * Ends all sessions of the user whose live session is proved so, but for that
 * one if only the others are meant.  DB_NONE: it is not live.
 */
db_status_t db_session_end_all(db_t *db, const db_proof_t *proof,
    const char *sub, int others, const db_client_t *client);

/* The live sessions of a user, sid among them; an array, the caller's. */
db_status_t db_session_list(db_t *db, const char *sub, const char *sid,
    json_t **list);

/*
 * Deletes at most limit rows of each kind that is old; *rows is how many the
 * fullest kind had.
 */
db_status_t db_cleanup(db_t *db, int limit, int64_t *rows);


/*
 * A client of OAuth, or an API key.  Times as in db_session_t; expires is 0 if
 * it does not.  Of an API key sub and name are its owner's.
 */
typedef struct {
    const char        *sub;
    const char        *name;
    const char        *scope;       /* as RFC 6749, 3.3; may be "" */
    int                owned;       /* an API key */
    int64_t            ver;
    int64_t            now;
    int64_t            expires;
    struct pg_result  *texts;       /* owns them */
} db_machine_t;

/* DB_NONE: this is not its secret, or something speaks against it. */
db_status_t db_machine_find(db_t *db, const char *client_id,
    const unsigned char digest[32], db_machine_t *machine);
void db_machine_free(db_machine_t *machine);

/* An access token's claims; sid may be NULL. */
typedef struct {
    const char   *jti;
    const char   *sid;
    const char   *sub;
    const char   *client_id;
    int64_t       ver;
} db_token_t;

/* DB_NONE: what it stands for has ended, or it was revoked. */
db_status_t db_token_live(db_t *db, const db_token_t *token);

/* DB_NONE: it was revoked before. */
db_status_t db_token_revoke(db_t *db, const db_token_t *token,
    const db_client_t *client);


/*
 * The revocations after a number, at most limit of them, as the JSON text that
 * gateways read.  *json is malloc()ed.
 */
db_status_t db_revocation_list(db_t *db, int64_t since, int limit,
    char **json);


typedef enum {
    DB_RING_KNOWN,
    DB_RING_OTHER,
    DB_RING_OLDER
} db_ring_t;

/*
 * What the database says of a ring of HMAC keys: arrays, as texts, of numbers
 * and fingerprints.  Numbers that are new to it it knows from here on.
 */
db_status_t db_ring_check(db_t *db, const char *numbers, const char *prints,
    db_ring_t *ring);

#endif
