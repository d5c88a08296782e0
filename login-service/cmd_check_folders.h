/* What portero check asks of the folders that nginx and the service share. */

#ifndef CMD_CHECK_FOLDERS_H
#define CMD_CHECK_FOLDERS_H

#include "config.h"


#define CHECK_FAULT_SIZE  512

/* 0, or -1 and what is wrong and what to change. */
int check_socket_folder(const config_t *config, char fault[CHECK_FAULT_SIZE]);
int check_gateway_folder(const config_t *config, char fault[CHECK_FAULT_SIZE]);

#endif
