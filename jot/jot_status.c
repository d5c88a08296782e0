/*
 * The words for the outcomes: one list for $jwt_status, the logs, the tests.
 */

#include "jot.h"


static const char *const jot_status_words[] = {
    [JOT_OK]          = "ok",
    [JOT_MISSING]     = "missing",
    [JOT_MALFORMED]   = "malformed",
    [JOT_ALGORITHM]   = "algorithm",
    [JOT_KEY]         = "key",
    [JOT_SIGNATURE]   = "signature",
    [JOT_EXPIRED]     = "expired",
    [JOT_NOT_YET]     = "not_yet",
    [JOT_ISSUER]      = "issuer",
    [JOT_AUDIENCE]    = "audience",
    [JOT_TYP]         = "typ",
    [JOT_CLAIM]       = "claim",
    [JOT_REVOKED]     = "revoked",
    [JOT_UNAVAILABLE] = "unavailable",
    [JOT_INTERNAL]    = "internal"
};


const char *
jot_status_text(jot_status_t status)
{
    return jot_status_words[status];
}
