// The ranks that mpirun started this process with. MPI is needed where there are several, and not before: what calls it
// is a shared object of its own (mpi/), which is loaded then.
#pragma once

#include "costate/base/communicator.h"

namespace costate {

class World : public Communicator {
 public:
  /// Whether all ranks come to this within so many seconds; those that do not have failed alone.
  virtual bool meet(double seconds) = 0;
  /// Ends MPI, on all ranks. Nothing else may be called after.
  virtual void finish() = 0;
  /// Ends all ranks at once.
  virtual void abort(int exit_code) = 0;
};

/// How many processes this one was started with, itself included, by what Open MPI's mpirun tells it; 1 if by none.
int num_started();

/// Which of them this is, and how many are on this machine.
int started_rank();
int num_started_here();

/// Starts MPI; null if this process was started alone. NotSupported if it was not and the shared object cannot be
/// loaded: it is looked for beside the program and in ../lib/costate.
World* start_world();

}  // namespace costate
