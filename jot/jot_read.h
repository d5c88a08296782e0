/*
 * What the two halves of the reader share.  Private to jot_read.c, which knows
 * values, and jot_string.c, which knows characters.
 */

#ifndef JOT_READ_H
#define JOT_READ_H

#include "jot.h"
#include "jot_json.h"


typedef struct {
    jot_json_t     *json;
    const char     *p;
    const char     *end;
    char           *string;     /* where the next one goes */
    unsigned        levels;     /* that are left */
    jot_status_t    status;     /* of a failure, and what it was */
    const char     *detail;
} jot_reader_t;


/*
 * A string, from its first quotation mark to behind its last.  0 and a view of
 * what it stands for, which ends with NUL; or -1 and the reader's detail.
 */
int jot_string_read(jot_reader_t *reader, jot_str_t *string);


static inline int
jot_read_mark(jot_reader_t *reader, char mark)
{
    if (reader->p < reader->end && *reader->p == mark) {
        reader->p++;
        return 1;
    }

    return 0;
}


static inline int
jot_read_refuse(jot_reader_t *reader, const char *detail)
{
    reader->detail = detail;

    return -1;
}


/* What stands here is none of what may. */

static inline int
jot_read_fail(jot_reader_t *reader)
{
    return jot_read_refuse(reader, reader->p == reader->end
                                   ? "JSON ends too early" : "not JSON");
}

#endif
