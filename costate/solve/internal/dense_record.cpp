#include "costate/solve/internal/dense_record.h"

namespace costate::internal {

template <class T>
void DenseRecord<T>::append(std::size_t lane, const DenseStep<T>& step, double end) {
  DenseSteps<T>& steps = lanes_[lane];
  steps.starts.push_back(step.start[lane]);
  steps.sizes.push_back(step.size[lane]);
  steps.ends.push_back(end);
  const std::size_t degree = form_.degree;
  const double scale = form_.has_increments ? 1 : step.size[lane];
  const std::size_t rows = step.slopes.state_size, lanes = step.slopes.lanes, first = steps.coefficients.size();
  steps.coefficients.resize(first + (degree + 1) * rows);
  T* out = steps.coefficients.data() + first;
  for (std::size_t row = 0; row < rows; ++row) out[row] = step.y[row * lanes + lane];
  for (std::size_t power = 1; power <= degree; ++power)
    for (std::size_t row = 0; row < rows; ++row) {
      double sum = 0;
      for (std::size_t j = 0; j < form_.size(); ++j)
        if (const double weight = form_.row(j)[power - 1]; weight != 0)
          sum += weight * static_cast<double>(step.slopes.first[j * step.slopes.stride + row * lanes + lane]);
      out[power * rows + row] = static_cast<T>(scale * sum);
    }
}

template class DenseRecord<float>;
template class DenseRecord<double>;

}  // namespace costate::internal
