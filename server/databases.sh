#!/bin/sh
# Makes the two databases, each with a role of its own that can reach no other. The image runs this once, on an empty volume.
set -eu
for name in mlflow optuna; do
  password=$(cat "/run/secrets/$name-database")
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set name="$name" --set password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name" ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
