/* Contacts from a spreadsheet into a group or a tag. */
#ifndef APID_IMPORT_H
#define APID_IMPORT_H

struct err;
struct request;

#define IMPORT_ERRORS_MAX 1000 /* that are listed */

/* handlers */
int import_to_group(struct request *request, struct err *err);
int import_to_tag(struct request *request, struct err *err);

#endif
