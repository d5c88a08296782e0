#!/bin/sh
# Run once by the postgres image, in a new cluster: the two roles and the schema
# (sql/roles.sql), and their passwords, which come from files and are in no
# argument.

set -eu

psql -v ON_ERROR_STOP=1 -X -q -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<SQL
\\i ${PORTERO_ROLES:-/portero/roles.sql}
\\set owner \`cat "$PORTERO_SECRETS/owner_password"\`
\\set service \`cat "$PORTERO_SECRETS/service_password"\`
SET password_encryption = 'scram-sha-256';
ALTER ROLE portero_owner PASSWORD :'owner';
ALTER ROLE portero_service PASSWORD :'service';
SQL
