// SPDX-License-Identifier: Apache-2.0
//
// How jemalloc, which the gateway is linked to, manages memory (jemalloc(3), TUNING; adr/0014).

// Read by jemalloc before main().
// - Freed pages return to the system after a second, also in a process that has nothing to do.
// - A large range of free pages serves small requests, too: what one flood leaves serves the next.
// - Two arenas: one thread allocates nearly all memory.
extern "C" const char* const malloc_conf;
const char* const malloc_conf =
    "background_thread:true,max_background_threads:1,dirty_decay_ms:1000,muzzy_decay_ms:0,lg_"
    "extent_max_active_fit:20,"
    "narenas:2";
