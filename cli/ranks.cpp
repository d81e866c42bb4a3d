#include "cli/ranks.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <limits>
#include <new>
#include <streambuf>
#include <string>
#include <thread>

#include "costate/base/base.h"
#include "costate/ranks/world.h"

namespace costate::cli {
namespace {

constexpr int kFailed = 1;

/// Takes all and keeps nothing.
class Nowhere : public std::streambuf {
 protected:
  int overflow(int character) override { return traits_type::not_eof(character); }
  std::streamsize xsputn(const char* /*text*/, std::streamsize count) override { return count; }
};

std::streambuf* stderr_buffer = nullptr;  // of a rank that does not print

/// Ranks that are not bound to cores of their own share them evenly. Those that are see no more than theirs.
void share_cores() {
  const long cores = ::sysconf(_SC_NPROCESSORS_ONLN) / num_started_here();
  set_num_threads(static_cast<int>(std::clamp<long>(cores, 1, num_threads())));
}

}  // namespace

int report(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    std::cerr << std::string(kErrorPrefix) + known.what() + "\n";  // in one piece: mpirun may cut in
    return known.info().exit_code;
  } catch (const std::bad_alloc&) {
    std::cerr << kErrorPrefix << "out of memory.\n";
  } catch (const std::exception& unknown) {
    std::cerr << "costate: internal error: " << unknown.what() << "\n";
  }
  return kFailed;
}

void print_on_first_rank() {
  static Nowhere nowhere;
  if (started_rank() == 0) return;
  std::cout.rdbuf(&nowhere);
  stderr_buffer = std::cerr.rdbuf(&nowhere);
  set_log_sink([](LogLevel, const std::string&) {});
}

int on_ranks(const std::function<int()>& work) {
  World* world = start_world();
  if (world == nullptr) return work();
  share_cores();
  int code = 0;
  std::exception_ptr error;
  try {
    const CommunicatorScope scope(*world);
    code = work();
  } catch (...) {
    error = std::current_exception();
    code = report(error);
  }
  // Where all went well, one may still be writing; where all failed, they do so together.
  constexpr double kPatience = 5;
  if (world->meet(error ? kPatience : std::numeric_limits<double>::infinity())) {
    world->finish();
    return code;
  }
  if (stderr_buffer != nullptr) {
    std::cerr.rdbuf(stderr_buffer);
    report(error);
  }
  world->abort(code);
  return code;
}

}  // namespace costate::cli
