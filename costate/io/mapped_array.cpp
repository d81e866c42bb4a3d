#include "costate/io/mapped_array.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>

#include "costate/base/error.h"
#include "costate/io/internal/bytes.h"
#include "costate/io/internal/npy_layout.h"
#include "costate/io/internal/stored_member.h"

namespace costate {

struct MappedArray::Mapping {
  explicit Mapping(const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct ::stat status = {};
    if (file < 0 || ::fstat(file, &status) != 0) fail(path, file);
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ == 0 || !S_ISREG(status.st_mode)) {
      ::close(file);
      throw DataError("[MappedArray] '", path.string(), "' is ", size_ == 0 ? "empty" : "not a file", ".");
    }
    address_ = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file, 0);
    if (address_ == MAP_FAILED) fail(path, file);
    ::close(file);
  }
  ~Mapping() { ::munmap(address_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::string_view bytes() const { return {static_cast<const char*>(address_), size_}; }

 private:
  [[noreturn]] static void fail(const std::filesystem::path& path, int file) {
    const std::string reason = std::generic_category().message(errno);
    if (file >= 0) ::close(file);
    throw IoError("[MappedArray] cannot read '", path.string(), "': ", reason, ".");
  }

  void* address_ = nullptr;
  std::size_t size_ = 0;
};

MappedArray::MappedArray(const std::filesystem::path& path, const std::string& name)
    : mapping_(std::make_shared<Mapping>(path)) {
  const std::string source = path.string();
  std::string_view bytes = mapping_->bytes();
  const bool is_archive = bytes.starts_with("PK");
  if (is_archive && name.empty())
    throw InvalidArgument("[MappedArray] '", source, "' holds arrays by name; say which one.");
  if (!is_archive && !name.empty())
    throw InvalidArgument("[MappedArray] '", source, "' holds one array without a name; leave out '", name, "'.");
  if (is_archive) bytes = internal::stored_member(bytes, name + ".npy", source);
  const internal::NpyLayout layout = internal::npy_layout(bytes, source);
  const bool is_f32 = layout.descr == "<f4";
  if ((!is_f32 && layout.descr != "<f8") || layout.is_fortran_order)
    throw NotSupported("[MappedArray] '", source, "' holds ", layout.descr,
                       layout.is_fortran_order ? " column by column" : "",
                       "; an array that stays in its file must be float32 or float64, little-endian and row-major.");
  const auto count = internal::checked_size(layout.axes);
  if (!count || *count * (is_f32 ? 4 : 8) != bytes.size() - layout.offset)
    throw DataError("[MappedArray] '", source, "' is not a sound .npy file: shape [", text::join(layout.axes),
                    "] does not fit the ", bytes.size() - layout.offset, " bytes that follow. It may be cut short.");
  numbers_ = bytes.data() + layout.offset;
  shape_ = Shape(layout.axes);
  dtype_ = is_f32 ? Dtype::kF32 : Dtype::kF64;
}

template <class T>
void MappedArray::copy_to(std::int64_t first, std::span<T> out) const {
  if (first < 0 || first > shape_.size() || std::ssize(out) > shape_.size() - first)
    throw ShapeError("[MappedArray] there are ", shape_.size(), " numbers; got ", first, " to ",
                     first + std::ssize(out), ".");
  const auto copy = [&]<class Stored>(Stored /*type*/) {
    const char* from = numbers_ + static_cast<std::size_t>(first) * sizeof(Stored);
    for (T& number : out) {  // in a ZIP archive they may lie at any byte
      Stored stored;
      std::memcpy(&stored, from, sizeof(Stored));
      number = static_cast<T>(stored);
      from += sizeof(Stored);
    }
  };
  dtype_ == Dtype::kF32 ? copy(float{}) : copy(double{});
}

template void MappedArray::copy_to(std::int64_t, std::span<float>) const;
template void MappedArray::copy_to(std::int64_t, std::span<double>) const;

}  // namespace costate
