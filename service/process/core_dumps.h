// File: core_dumps.h
//
// The memory of the process holds keys: by default nobody is given a copy of it.
#ifndef EVALRUN_SERVICE_PROCESS_CORE_DUMPS_H_
#define EVALRUN_SERVICE_PROCESS_CORE_DUMPS_H_

namespace evalrun::process {

// Neither the kernel writes a core file, nor may another process of the same user attach or read
// this one's memory, its environment (where a key may be) or its descriptors. Root still can.
void ForbidCoreDumps();

// Takes that back.
void AllowCoreDumps();

}  // namespace evalrun::process

#endif  // EVALRUN_SERVICE_PROCESS_CORE_DUMPS_H_
