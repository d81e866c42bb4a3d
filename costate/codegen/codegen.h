// The stage's front door: traced functions and fitted models as source for other places.
#pragma once

#include "costate/codegen/export_c.h"
#include "costate/codegen/export_model.h"
#include "costate/codegen/export_onnx.h"
