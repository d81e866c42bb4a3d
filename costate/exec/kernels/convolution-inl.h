// What the kernels of convolutions and of their weights share. Included once per instruction set by the kernels'
// sources (Highway's foreach_target).
#if defined(COSTATE_CONVOLUTION_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_CONVOLUTION_INL
#undef COSTATE_CONVOLUTION_INL
#else
#define COSTATE_CONVOLUTION_INL
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "costate/plan/convolution.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

/// Rows of a block of accumulators, which has three columns: pixels, or vectors of channels.
#if HWY_TARGET <= HWY_AVX3
constexpr std::size_t kConvRows = 8;  // of 32 registers
#else
constexpr std::size_t kConvRows = 4;  // of 16 registers
#endif

using Pixel = ConvTable::Pixel;
using PixelClass = ConvTable::PixelClass;
using Tap = ConvTable::Tap;

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
