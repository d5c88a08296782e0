/*
 * What a verified token says, held against what is asked (RFC 7519, 4.1; typ:
 * RFC 7515, 4.1.9).  Every check ends in a refusal unless shown otherwise.
 */

#include <string.h>
#include <strings.h>

#include "jot.h"
#include "jot_json.h"


#define JOT_TIME_END  9007199254740992.0     /* 2^53: below it all is exact */


static jot_status_t jot_claims_time(jot_token_t *token, const char *name,
    int *present, double *seconds);
static jot_status_t jot_claims_times(jot_token_t *token,
    const jot_policy_t *policy, int64_t now);
static int jot_claims_text_in(const json_t *text, const jot_str_t *list,
    size_t n);
static int jot_claims_audience(const json_t *aud, const jot_policy_t *policy);
static int jot_claims_typ(const json_t *typ, const jot_policy_t *policy);
static jot_str_t jot_claims_media_type(jot_str_t text);


jot_status_t
jot_claims_check(jot_token_t *token, const jot_policy_t *policy, int64_t now)
{
    json_t        *payload, *header;
    jot_status_t   status;

    status = jot_claims_times(token, policy, now);
    if (status != JOT_OK) {
        return status;
    }

    payload = jot_json_root(token->payload);    /* borrowed */
    header = jot_json_root(token->header);      /* borrowed */

    if (policy->nissuers
        && !jot_claims_text_in(json_object_get(payload, "iss"),
                               policy->issuers, policy->nissuers))
    {
        token->detail = "iss is none of those asked for";
        return JOT_ISSUER;
    }

    if (policy->naudiences
        && !jot_claims_audience(json_object_get(payload, "aud"), policy))
    {
        token->detail = "aud is none of those asked for";
        return JOT_AUDIENCE;
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
jot_claims_times(jot_token_t *token, const jot_policy_t *policy, int64_t now)
{
    int           has_exp, has_nbf, has_iat;
    double        exp, nbf, iat, leeway;
    jot_status_t  status;

    status = jot_claims_time(token, "exp", &has_exp, &exp);

    if (status == JOT_OK) {
        status = jot_claims_time(token, "nbf", &has_nbf, &nbf);
    }

    if (status == JOT_OK) {
        status = jot_claims_time(token, "iat", &has_iat, &iat);
    }

    if (status != JOT_OK) {
        return status;
    }

    leeway = (double) policy->leeway;

    if (!has_exp && !policy->exp_optional) {
        token->detail = "exp is missing";
        return JOT_EXPIRED;
    }

    if (has_exp && !((double) now < exp + leeway)) {
        token->detail = "exp has passed";
        return JOT_EXPIRED;
    }

    if (has_nbf && !((double) now >= nbf - leeway)) {
        token->detail = "nbf is ahead";
        return JOT_NOT_YET;
    }

    return JOT_OK;
}


static jot_status_t
jot_claims_time(jot_token_t *token, const char *name, int *present,
    double *seconds)
{
    const json_t  *claim;

    claim = json_object_get(jot_json_root(token->payload), name);

    *present = claim != NULL;
    *seconds = json_number_value(claim);

    if (claim && (!json_is_number(claim)
                  || !(*seconds >= 0 && *seconds < JOT_TIME_END)))
    {
        token->detail = "exp, nbf or iat is no time";
        return JOT_MALFORMED;
    }

    return JOT_OK;
}


static int
jot_claims_text_in(const json_t *text, const jot_str_t *list, size_t n)
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


static int
jot_claims_audience(const json_t *aud, const jot_policy_t *policy)
{
    size_t  i;

    for (i = 0; i < json_array_size(aud); i++) {
        if (jot_claims_text_in(json_array_get(aud, i), policy->audiences,
                               policy->naudiences))
        {
            return 1;
        }
    }

    return jot_claims_text_in(aud, policy->audiences, policy->naudiences);
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
