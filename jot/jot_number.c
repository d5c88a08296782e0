/*
 * Numbers of JSON by their digits.  A double knows seconds up to 2^53 only, and
 * whoever reads one asks the locale what a decimal point is.
 */

#include <string.h>

#include "jot.h"
#include "jot_json.h"


#define JOT_NUMBER_DIGITS    308        /* before its point, at most */
#define JOT_SECONDS_DIGITS   16
#define JOT_SECONDS_END      (INT64_C(1) << 53)
#define JOT_EXPONENT_END     (INT64_C(1) << 33)     /* no text is as long */


/* 0.DIGITS times ten to the power of point, the first digit not 0. */

typedef struct {
    int           negative;
    const char   *p;            /* the first digit; NULL: the number is 0 */
    const char   *end;          /* behind the last; between them may be a "." */
    int64_t       point;
} jot_number_t;


static void jot_number_read(jot_number_t *number, jot_str_t raw);
static int64_t jot_number_exponent(const char *p, const char *end);


int
jot_number_is_large(jot_str_t raw)
{
    jot_number_t  number;

    jot_number_read(&number, raw);

    return number.p && number.point > JOT_NUMBER_DIGITS;
}


int
jot_number_seconds(jot_str_t raw, int64_t *seconds)
{
    int            fraction;
    int64_t        n, whole;
    const char    *p;
    jot_number_t   number;

    jot_number_read(&number, raw);

    if (number.p == NULL) {
        *seconds = 0;
        return 0;
    }

    if (number.negative || number.point > JOT_SECONDS_DIGITS) {
        return -1;
    }

    whole = 0;
    fraction = 0;
    n = number.point;

    for (p = number.p; p < number.end; p++) {
        if (*p == '.') {
            continue;
        }

        if (n > 0) {
            whole = whole * 10 + (*p - '0');

        } else {
            fraction |= *p != '0';
        }

        n--;
    }

    for ( /* void */ ; n > 0; n--) {
        whole *= 10;
    }

    if (whole >= JOT_SECONDS_END) {
        return -1;
    }

    *seconds = whole + fraction;
    return 0;
}


static void
jot_number_read(jot_number_t *number, jot_str_t raw)
{
    int64_t      before, zeros;
    const char  *p, *end;

    p = raw.data;
    end = raw.data + raw.len;

    number->negative = *p == '-';
    number->p = NULL;

    if (number->negative) {
        p++;
    }

    before = -1;                                /* digits before the point */
    zeros = 0;                                  /* in front of the others */
    raw.data = p;

    for ( /* void */ ; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            before = p - raw.data;

        } else if (number->p == NULL) {
            if (*p == '0') {
                zeros++;
            } else {
                number->p = p;
            }
        }
    }

    number->end = p;
    number->point = (before == -1 ? p - raw.data : before) - zeros
                    + jot_number_exponent(p, end);
}


static int64_t
jot_number_exponent(const char *p, const char *end)
{
    int      negative;
    int64_t  exponent;

    if (p == end) {
        return 0;
    }

    p++;                                        /* the e */
    negative = *p == '-';

    if (*p == '-' || *p == '+') {
        p++;
    }

    for (exponent = 0; p < end && exponent < JOT_EXPONENT_END; p++) {
        exponent = exponent * 10 + (*p - '0');
    }

    return negative ? -exponent : exponent;
}
