/* Shapes of the answers in msgera.c and vereda.c. */
#ifndef APID_SHAPES_H
#define APID_SHAPES_H

#include "apid/shape.h"

#define N_BASIC_SHAPES 34
#define N_VEREDA_SHAPES 26

extern const struct shape basic_shapes[N_BASIC_SHAPES];
extern const struct shape vereda_shapes[N_VEREDA_SHAPES];

#endif
