#include "costate/array/host_array.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "costate/base/error.h"

namespace costate {
namespace {

void check_count(const Shape& shape, std::size_t count) {
  if (shape.size() != static_cast<std::int64_t>(count))
    throw ShapeError("[HostArray] shape ", shape, " needs ", shape.size(), " numbers; got ", count, ".");
}

}  // namespace

HostArray::HostArray(Shape shape, Dtype dtype) : shape_(std::move(shape)) {
  const auto count = static_cast<std::size_t>(shape_.size());
  if (dtype == Dtype::kF32)
    data_ = std::vector<float>(count);
  else
    data_ = std::vector<double>(count);
}

HostArray::HostArray(Shape shape, std::vector<double> values) : shape_(std::move(shape)), data_(std::move(values)) {
  check_count(shape_, std::get<std::vector<double>>(data_).size());
}

HostArray::HostArray(Shape shape, std::vector<float> values) : shape_(std::move(shape)), data_(std::move(values)) {
  check_count(shape_, std::get<std::vector<float>>(data_).size());
}

HostArray HostArray::vector(std::vector<double> values) {
  const Shape shape{static_cast<std::int64_t>(values.size())};
  return HostArray(shape, std::move(values));
}

HostArray HostArray::from_rows(const std::vector<std::vector<double>>& rows, std::int64_t width) {
  std::vector<double> numbers;
  for (const std::vector<double>& row : rows) {
    if (static_cast<std::int64_t>(row.size()) != width)
      throw ShapeError("[HostArray] each row must have ", width, " numbers; got ", row.size(), ".");
    numbers.insert(numbers.end(), row.begin(), row.end());
  }
  return HostArray(Shape{static_cast<std::int64_t>(rows.size()), width}, std::move(numbers));
}

HostArray HostArray::linspace(double first, double last, std::int64_t count) {
  HostArray out(Shape{count});
  for (std::int64_t i = 0; i < count; ++i) {
    const double share = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0;
    out.set(i, i > 0 && i + 1 == count ? last : first + share * (last - first));
  }
  return out;
}

HostArray HostArray::evenly_spaced(double first, double spacing, std::int64_t count) {
  HostArray out(Shape{count});
  for (std::int64_t i = 0; i < count; ++i) out.set(i, first + spacing * static_cast<double>(i));
  return out;
}

template <class T>
std::span<T> HostArray::data() {
  auto* values = std::get_if<std::vector<T>>(&data_);
  if (values == nullptr)
    throw DtypeError("[HostArray.data] the array holds ", name(dtype()), "; convert it with astype first.");
  return *values;
}

template <class T>
std::span<const T> HostArray::data() const {
  return const_cast<HostArray*>(this)->data<T>();
}

template std::span<float> HostArray::data<float>();
template std::span<double> HostArray::data<double>();
template std::span<const float> HostArray::data<float>() const;
template std::span<const double> HostArray::data<double>() const;

double HostArray::at(std::int64_t index) const {
  COSTATE_DCHECK(index >= 0 && index < size(), "index ", index);
  return std::visit([&](const auto& values) { return static_cast<double>(values[static_cast<std::size_t>(index)]); },
                    data_);
}

void HostArray::set(std::int64_t index, double value) {
  COSTATE_DCHECK(index >= 0 && index < size(), "index ", index);
  std::visit(
      [&](auto& values) {
        using T = typename std::decay_t<decltype(values)>::value_type;
        values[static_cast<std::size_t>(index)] = static_cast<T>(value);
      },
      data_);
}

std::int64_t HostArray::flat_index(std::initializer_list<std::int64_t> index) const {
  const auto refuse = [&] {
    throw ShapeError("[HostArray] there is no element (", text::join(index), ") in shape ", shape_, ".");
  };
  if (static_cast<int>(index.size()) != shape_.rank()) refuse();
  std::int64_t flat = 0;
  int axis = 0;
  for (const std::int64_t i : index) {
    const std::int64_t length = shape_[axis++];
    if (i < 0 || i >= length) refuse();
    flat = flat * length + i;
  }
  return flat;
}

std::vector<double> HostArray::numbers() const {
  std::vector<double> out(static_cast<std::size_t>(size()));
  copy_to(std::span<double>(out));
  return out;
}

std::vector<double> HostArray::row(std::int64_t index) const {
  if (shape_.rank() == 0 || index < 0 || index >= shape_[0])
    throw ShapeError("[HostArray.row] there is no row ", index, " in shape ", shape_, ".");
  const std::int64_t length = shape_.without_first().size();
  std::vector<double> out;
  for (std::int64_t i = 0; i < length; ++i) out.push_back(at(index * length + i));
  return out;
}

std::vector<double> HostArray::column(std::int64_t index) const {
  const std::int64_t width = shape_.rank() == 0 ? 0 : shape_[-1];
  if (index < 0 || index >= width)
    throw ShapeError("[HostArray.column] there is no column ", index, " in shape ", shape_, ".");
  std::vector<double> out;
  for (std::int64_t i = index; i < size(); i += width) out.push_back(at(i));
  return out;
}

HostArray HostArray::operator[](std::int64_t index) const {
  const HostArray one = slice(index, index + 1);
  return one.reshape(shape_.without_first());
}

HostArray HostArray::slice(std::int64_t begin, std::int64_t end, std::int64_t step) const {
  if (shape_.rank() == 0 || begin < 0 || begin > end || end > shape_[0] || step < 1)
    throw ShapeError("[HostArray.slice] there are no elements ", begin, " to ", end, " in steps of ", step,
                     " in shape ", shape_, ".");
  HostArray out(shape_.without_first().with_first((end - begin + step - 1) / step), dtype());
  const std::int64_t length = shape_.without_first().size();
  for (std::int64_t i = 0; i < out.shape_[0]; ++i)
    for (std::int64_t k = 0; k < length; ++k) out.set(i * length + k, at((begin + i * step) * length + k));
  return out;
}

double HostArray::mean() const {
  double sum = 0;
  for (std::int64_t i = 0; i < size(); ++i) sum += at(i);
  return sum / static_cast<double>(size());
}

template <class T>
void HostArray::copy_to(std::span<T> out) const {
  if (static_cast<std::int64_t>(out.size()) != size())
    throw ShapeError("[HostArray.copy_to] the span must hold ", size(), " numbers; got ", out.size(), ".");
  const auto convert = [](auto number) { return static_cast<T>(number); };
  std::visit([&](const auto& values) { std::transform(values.begin(), values.end(), out.begin(), convert); }, data_);
}

template void HostArray::copy_to(std::span<float> out) const;
template void HostArray::copy_to(std::span<double> out) const;

HostArray HostArray::astype(Dtype dtype) const {
  if (dtype == this->dtype()) return *this;
  HostArray out(shape_, dtype);
  const auto convert = [](const auto& from, auto& to) {
    using Number = typename std::decay_t<decltype(to)>::value_type;
    std::transform(from.begin(), from.end(), to.begin(), [](auto number) { return static_cast<Number>(number); });
  };
  std::visit(convert, data_, out.data_);
  return out;
}

HostArray HostArray::reshape(Shape shape) const {
  if (shape.size() != size())
    throw ShapeError("[HostArray.reshape] the new shape must hold ", size(), " numbers; got ", shape, ".");
  HostArray out = *this;
  out.shape_ = std::move(shape);
  return out;
}

bool HostArray::same_bits(const HostArray& other) const {
  if (!(shape_ == other.shape_) || data_.index() != other.data_.index()) return false;
  return std::visit(
      [&](const auto& values) {
        using Vector = std::decay_t<decltype(values)>;
        const auto& others = std::get<Vector>(other.data_);
        return values.empty() ||
               std::memcmp(values.data(), others.data(), values.size() * sizeof(typename Vector::value_type)) == 0;
      },
      data_);
}

}  // namespace costate
