// Files in and out: the front door of costate/io.
#pragma once

#include "costate/io/csv.h"           // IWYU pragma: export
#include "costate/io/files.h"         // IWYU pragma: export
#include "costate/io/idx.h"           // IWYU pragma: export
#include "costate/io/images.h"        // IWYU pragma: export
#include "costate/io/json.h"          // IWYU pragma: export
#include "costate/io/mapped_array.h"  // IWYU pragma: export
#include "costate/io/npy.h"           // IWYU pragma: export
#include "costate/io/run_folder.h"    // IWYU pragma: export
#include "costate/io/safetensors.h"   // IWYU pragma: export
#include "costate/io/series.h"        // IWYU pragma: export
#include "costate/io/table.h"         // IWYU pragma: export
#include "costate/io/toml.h"          // IWYU pragma: export
