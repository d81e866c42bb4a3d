// What a function needs that XLA calls by its typed foreign function interface, as the C declarations of OpenXLA's
// xla/ffi/api/c_api.h lay it out in memory (version 0, whose later minor versions only add fields at an end): this
// module is built without JAX. python/costate/jax registers the functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace costate::python::xla {

/// The version of the interface that is written down here.
constexpr int kMajor = 0, kMinor = 1;

struct Extension {
  std::size_t size;
  int kind;
  Extension* next;
};

/// What each struct begins with: its size where XLA was built, and what was added since.
struct Header {
  std::size_t size;
  Extension* extensions;
};

struct Version {
  Header header;
  int major, minor;
};

constexpr int kMetadata = 1;

/// With it XLA asks which version a function was written for, before the first call.
struct MetadataExtension {
  Extension extension;
  struct Metadata {
    std::size_t size;
    Version version;
    std::uint32_t traits;
  } * metadata;
};

constexpr int kS64 = 5, kF32 = 11, kF64 = 12;

struct Buffer {
  Header header;
  int dtype;
  void* numbers;
  std::int64_t rank;
  const std::int64_t* dims;
};

/// Arguments or results.
struct Buffers {
  Header header;
  std::int64_t count;
  const int* kinds;
  Buffer* const* items;
};

constexpr int kScalar = 3;

struct Scalar {
  int dtype;
  const void* value;
};

struct Attributes {
  Header header;
  std::int64_t count;
  const int* kinds;
  const void* names;
  const Scalar* const* items;
};

struct Error;

struct ErrorCreateArguments {
  Header header;
  const char* message;
  int code;
};

constexpr int kInternal = 13;

struct Api {
  Header header;
  Version version;
  const void* internal;
  Error* (*create_error)(ErrorCreateArguments*);
};

struct CallFrame {
  Header header;
  const Api* api;
  void* context;
  int stage;
  Buffers arguments, results;
  Attributes attributes;
};

}  // namespace costate::python::xla
