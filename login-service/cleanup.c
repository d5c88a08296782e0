#include <stdint.h>
#include <time.h>

#include "cleanup.h"
#include "db.h"


#define CLEANUP_BATCH   500
#define CLEANUP_FIRST   5               /* seconds, as all of these */
#define CLEANUP_EVERY   60
#define CLEANUP_AGAIN   1


static time_t cleanup_now(void);


static time_t  cleanup_at;              /* by the clock that only rises */


void
cleanup_tick(service_t *service)
{
    time_t   now;
    int64_t  rows;

    if (service->lane != LANE_INTERNAL) {
        return;
    }

    now = cleanup_now();

    if (cleanup_at == 0) {
        cleanup_at = now + CLEANUP_FIRST;
        return;
    }

    if (now < cleanup_at) {
        return;
    }

    /* That the database is away is in the log, and here no news. */

    rows = 0;
    (void) db_cleanup(service->db, CLEANUP_BATCH, &rows);

    cleanup_at = cleanup_now()
                 + (rows < CLEANUP_BATCH ? CLEANUP_EVERY : CLEANUP_AGAIN);
}


static time_t
cleanup_now(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return now.tv_sec;
}
