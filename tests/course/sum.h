/* The structures that client_sum and server_sum send as they lie in memory (slide 26, UNP 5.18).
 *
 *	-DLONG=int32_t	a machine whose longs have 32 bits
 *	-DHIGHEST_FIRST	a machine that stores the highest byte first (only with gcc)
 */
#include "course.h"

#include <stdint.h>

#ifndef LONG
#define LONG long
#endif
#ifdef HIGHEST_FIRST
#pragma scalar_storage_order big-endian
#endif

struct args {
	LONG first, second;
};

struct result {
	LONG sum;
};
