// Threads: a process-wide number of them, and a loop over independent pieces of work.
#pragma once

#include <cstddef>
#include <functional>

namespace costate {

/// Limits the threads that Costate uses from now on; 0: all that the machine has. InvalidArgument if
/// negative or above 1024. A process that was forked (without exec) has one thread, whatever is set, since those of its
/// parent are not in it.
void set_num_threads(int count);
int num_threads();

/// Calls work(i) for i = 0 … count - 1, on up to num_threads() threads, and waits. If calls throw, the exception of the
/// smallest i is rethrown here. No order between calls is promised. The caller's InterruptScope holds in all of them.
void parallel_for(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace costate
