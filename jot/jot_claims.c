/*
 * What a verified token says, held against what is asked (RFC 7519, 4.1; typ:
 * RFC 7515, 4.1.9).
 */

#include <string.h>
#include <strings.h>

#include "jot.h"
#include "jot_json.h"


static jot_status_t jot_claims_times(jot_token_t *token);
static int jot_claims_time(const jot_json_t *payload, const char *name,
    int64_t *seconds);
static int jot_claims_in(const jot_value_t *value, const jot_str_t *list,
    size_t n);
static jot_status_t jot_claims_audience(jot_token_t *token,
    const jot_policy_t *policy);
static int jot_claims_typ(const jot_json_t *header, const jot_policy_t *policy);
static jot_str_t jot_claims_media_type(jot_str_t text);


jot_status_t
jot_claims_check(jot_token_t *token, const jot_policy_t *policy, int64_t now)
{
    jot_value_t   iss;
    jot_status_t  status;

    if (token->payload == NULL) {
        token->detail = "not verified";
        return JOT_INTERNAL;
    }

    status = jot_claims_times(token);

    if (status == JOT_OK) {
        status = jot_times_check(token, policy, now);
    }

    if (status != JOT_OK) {
        return status;
    }

    if (policy->nissuers
        && !(jot_json_member(token->payload, "iss", &iss)
             && jot_claims_in(&iss, policy->issuers, policy->nissuers)))
    {
        token->detail = "iss is none of those asked for";
        return JOT_ISSUER;
    }

    status = jot_claims_audience(token, policy);
    if (status != JOT_OK) {
        return status;
    }

    if (policy->ntyps && !jot_claims_typ(token->header, policy)) {
        token->detail = "typ is none of those asked for";
        return JOT_TYP;
    }

    return JOT_OK;
}


static jot_status_t
jot_claims_times(jot_token_t *token)
{
    int64_t  iat;

    if (jot_claims_time(token->payload, "exp", &token->exp) != 0) {
        token->detail = "exp is not a number from 0 and below 2^53";
        return JOT_MALFORMED;
    }

    if (jot_claims_time(token->payload, "nbf", &token->nbf) != 0) {
        token->detail = "nbf is not a number from 0 and below 2^53";
        return JOT_MALFORMED;
    }

    if (jot_claims_time(token->payload, "iat", &iat) != 0) {
        token->detail = "iat is not a number from 0 and below 2^53";
        return JOT_MALFORMED;
    }

    return JOT_OK;
}


jot_status_t
jot_times_check(jot_token_t *token, const jot_policy_t *policy, int64_t now)
{
    int64_t  early, late;

    /* A leeway without end is nobody's, but must not wrap around either. */

    if (__builtin_sub_overflow(now, policy->leeway, &early)) {
        early = INT64_MIN;
    }

    if (__builtin_add_overflow(now, policy->leeway, &late)) {
        late = INT64_MAX;
    }

    if (token->exp == JOT_NO_TIME) {
        if (!policy->exp_optional) {
            token->detail = "exp is missing";
            return JOT_EXPIRED;
        }

    } else if (early >= token->exp) {
        token->detail = "exp has passed";
        return JOT_EXPIRED;
    }

    if (token->nbf != JOT_NO_TIME && late < token->nbf) {
        token->detail = "nbf is ahead";
        return JOT_NOT_YET;
    }

    return JOT_OK;
}


/*
 * A fraction is rounded up: the clock counts whole seconds, and for these
 * "now < exp" and "now >= nbf" are the same with or without the fraction.
 */

static int
jot_claims_time(const jot_json_t *payload, const char *name, int64_t *seconds)
{
    jot_value_t  claim;

    *seconds = JOT_NO_TIME;

    if (!jot_json_member(payload, name, &claim)) {
        return 0;
    }

    if (claim.type != JOT_NUMBER) {
        return -1;
    }

    return jot_number_seconds(jot_value_raw(&claim), seconds);
}


static int
jot_claims_in(const jot_value_t *value, const jot_str_t *list, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (jot_value_is(value, list[i])) {
            return 1;
        }
    }

    return 0;
}


/* A string, or an array of strings (RFC 7519, 4.1.3). */

static jot_status_t
jot_claims_audience(jot_token_t *token, const jot_policy_t *policy)
{
    int          named, more;
    jot_value_t  aud, element;

    if (policy->naudiences == 0) {
        return JOT_OK;
    }

    named = 0;

    if (jot_json_member(token->payload, "aud", &aud)) {
        named = jot_claims_in(&aud, policy->audiences, policy->naudiences);

        for (more = jot_value_first(&aud, &element);
             more;
             more = jot_value_next(&element))
        {
            if (element.type != JOT_STRING) {
                token->detail = "aud is an array of more than strings";
                return JOT_AUDIENCE;
            }

            named |= jot_claims_in(&element, policy->audiences,
                                   policy->naudiences);
        }
    }

    if (!named) {
        token->detail = "aud is none of those asked for";
        return JOT_AUDIENCE;
    }

    return JOT_OK;
}


/* Media types are compared without case, "application/" may be left out. */

static int
jot_claims_typ(const jot_json_t *header, const jot_policy_t *policy)
{
    size_t       i;
    jot_str_t    has, asked;
    jot_value_t  typ;

    if (!jot_json_member(header, "typ", &typ) || typ.type != JOT_STRING) {
        return 0;
    }

    has = jot_claims_media_type(jot_value_string(&typ));

    for (i = 0; i < policy->ntyps; i++) {
        asked = jot_claims_media_type(policy->typs[i]);

        if (asked.len == has.len
            && strncasecmp(asked.data, has.data, has.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static jot_str_t
jot_claims_media_type(jot_str_t text)
{
    static const char  prefix[] = "application/";
    const size_t       len = sizeof(prefix) - 1;

    if (text.len > len && strncasecmp(text.data, prefix, len) == 0) {
        text.data += len;
        text.len -= len;
    }

    return text;
}
