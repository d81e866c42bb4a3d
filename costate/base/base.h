// What every stage stands on.
#pragma once

#include "costate/base/communicator.h"
#include "costate/base/error.h"
#include "costate/base/interrupt.h"
#include "costate/base/log.h"
#include "costate/base/memory.h"
#include "costate/base/names.h"
#include "costate/base/option_value.h"
#include "costate/base/random.h"
#include "costate/base/text.h"
#include "costate/base/threads.h"
#include "costate/base/timing.h"
#include "costate/base/version.h"
