/* The schema of vereda.db as migrations.  Internal to common/store. */
#ifndef COMMON_STORE_SCHEMA_H
#define COMMON_STORE_SCHEMA_H

/* Append-only: store_migrations[n - 1] makes version n. */
extern const char *const store_migrations[];
extern const int n_store_migrations;

#endif
