/* What a worker has at hand while it serves one request. */

#ifndef SERVICE_H
#define SERVICE_H

#include "config.h"


typedef enum {
    LANE_PASSWORD,
    LANE_TOKEN,
    LANE_INTERNAL,
    LANE_COUNT
} lane_t;

typedef struct keys_s  keys_t;
typedef struct db_s    db_t;

struct lanes_s;

typedef struct {
    lane_t             lane;
    const struct lanes_s  *lanes;
    const config_t    *config;
    const keys_t      *keys;
    db_t              *db;
    int                ring_known;      /* ring.c's */
    int                ring_told;
} service_t;

#endif
