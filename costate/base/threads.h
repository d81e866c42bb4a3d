// Threads: a process-wide number of them, and a loop over independent pieces of work.
#pragma once

#include <cstddef>
#include <functional>

namespace costate {

/// Limits the threads that Costate uses from now on; 0: all that the machine has. InvalidArgument if
/// negative or above 1024.
void set_num_threads(int count);
int num_threads();

/// One thread from now on, whatever is set: for a process that was forked (without exec), in which its parent's threads
/// are not. Python's module calls it there.
void stay_on_calling_thread();

/// Calls work(i) for i = 0 … count - 1, on up to num_threads() threads, and waits. If calls throw, the exception of the
/// smallest i is rethrown here. No order between calls is promised. The caller's InterruptScope holds in all of them;
/// its CommunicatorScope in none.
void parallel_for(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace costate
