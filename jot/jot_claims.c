/*
 * What a verified token says, held against what is asked (RFC 7519, 4.1; typ:
 * RFC 7515, 4.1.9).
 */

#include <string.h>
#include <strings.h>

#include "jot.h"
#include "jot_json.h"


#define JOT_TIME_END  9007199254740992.0    /* 2^53: whole seconds are exact */


static jot_status_t jot_claims_times(jot_token_t *token);
static int jot_claims_time(const json_t *claim, int64_t *seconds);
static int jot_claims_in(const json_t *text, const jot_str_t *list, size_t n);
static jot_status_t jot_claims_audience(jot_token_t *token, const json_t *aud,
    const jot_policy_t *policy);
static int jot_claims_typ(const json_t *typ, const jot_policy_t *policy);
static jot_str_t jot_claims_media_type(jot_str_t text);


jot_status_t
jot_claims_check(jot_token_t *token, const jot_policy_t *policy, int64_t now)
{
    json_t        *payload, *header;
    jot_status_t   status;

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

    payload = jot_json_root(token->payload);    /* borrowed */
    header = jot_json_root(token->header);      /* borrowed */

    if (policy->nissuers
        && !jot_claims_in(json_object_get(payload, "iss"), policy->issuers,
                          policy->nissuers))
    {
        token->detail = "iss is none of those asked for";
        return JOT_ISSUER;
    }

    status = jot_claims_audience(token, json_object_get(payload, "aud"),
                                 policy);
    if (status != JOT_OK) {
        return status;
    }

    if (policy->ntyps
        && !jot_claims_typ(json_object_get(header, "typ"), policy))
    {
        token->detail = "typ is none of those asked for";
        return JOT_TYP;
    }

    return JOT_OK;
}


static jot_status_t
jot_claims_times(jot_token_t *token)
{
    json_t   *payload;
    int64_t   iat;

    payload = jot_json_root(token->payload);    /* borrowed */

    if (jot_claims_time(json_object_get(payload, "exp"), &token->exp) != 0) {
        token->detail = "exp is not a number from 0 and below 2^53";
        return JOT_MALFORMED;
    }

    if (jot_claims_time(json_object_get(payload, "nbf"), &token->nbf) != 0) {
        token->detail = "nbf is not a number from 0 and below 2^53";
        return JOT_MALFORMED;
    }

    if (jot_claims_time(json_object_get(payload, "iat"), &iat) != 0) {
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
jot_claims_time(const json_t *claim, int64_t *seconds)
{
    double  value;

    *seconds = JOT_NO_TIME;

    if (claim == NULL) {
        return 0;
    }

    value = json_number_value(claim);

    if (!json_is_number(claim) || !(value >= 0 && value < JOT_TIME_END)) {
        return -1;
    }

    *seconds = (int64_t) value;

    if ((double) *seconds < value) {
        (*seconds)++;
    }

    return 0;
}


static int
jot_claims_in(const json_t *text, const jot_str_t *list, size_t n)
{
    size_t  i;

    if (!json_is_string(text)) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (list[i].len == json_string_length(text)
            && memcmp(list[i].data, json_string_value(text), list[i].len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static jot_status_t
jot_claims_audience(jot_token_t *token, const json_t *aud,
    const jot_policy_t *policy)
{
    int      named;
    size_t   i;
    json_t  *element;

    if (policy->naudiences == 0) {
        return JOT_OK;
    }

    named = jot_claims_in(aud, policy->audiences, policy->naudiences);

    json_array_foreach(aud, i, element) {
        if (!json_is_string(element)) {
            token->detail = "aud is an array of more than strings";
            return JOT_AUDIENCE;
        }

        named |= jot_claims_in(element, policy->audiences, policy->naudiences);
    }

    if (!named) {
        token->detail = "aud is none of those asked for";
        return JOT_AUDIENCE;
    }

    return JOT_OK;
}


/* Media types are compared without case, "application/" may be left out. */

static int
jot_claims_typ(const json_t *typ, const jot_policy_t *policy)
{
    size_t     i;
    jot_str_t  has, asked;

    if (!json_is_string(typ)) {
        return 0;
    }

    has.data = json_string_value(typ);
    has.len = json_string_length(typ);
    has = jot_claims_media_type(has);

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
