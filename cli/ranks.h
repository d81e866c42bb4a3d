// The command line as one of several processes that mpirun started.
#pragma once

#include <exception>
#include <functional>
#include <string_view>

namespace costate::cli {

/// What a line about an error begins with.
inline constexpr std::string_view kErrorPrefix = "costate: error: ";

/// One line about an error on stderr, and the exit code for it.
int report(const std::exception_ptr& error);

/// While several processes run, only the first one prints.
void print_on_first_rank();

/// Runs `work` with the other processes that mpirun started, if it did: what they run there is shared. All end with the
/// same exit code, or are ended where one of them fails alone, in a few seconds.
int on_ranks(const std::function<int()>& work);

}  // namespace costate::cli
