// Handles of libzip that free themselves.
#pragma once

#include <zip.h>

#include <memory>
#include <string>

namespace costate::internal {

/// libzip's account of what went wrong.
class ZipError {
 public:
  ZipError() { ::zip_error_init(&error_); }
  ~ZipError() { ::zip_error_fini(&error_); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;

  zip_error_t* get() { return &error_; }
  std::string text() { return ::zip_error_strerror(&error_); }

 private:
  zip_error_t error_;
};

struct FreeZip {
  void operator()(zip_t* archive) const { ::zip_discard(archive); }
  void operator()(zip_source_t* source) const { ::zip_source_free(source); }
  void operator()(zip_file_t* file) const { ::zip_fclose(file); }
};
using ZipArchive = std::unique_ptr<zip_t, FreeZip>;
using ZipSource = std::unique_ptr<zip_source_t, FreeZip>;
using ZipMember = std::unique_ptr<zip_file_t, FreeZip>;

}  // namespace costate::internal
