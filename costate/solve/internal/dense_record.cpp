#include "costate/solve/internal/dense_record.h"

namespace costate::internal {

template <class T>
void DenseRecord<T>::append(std::size_t lane, const DenseStep<T>& step, double end) {
  DenseSteps<T>& steps = lanes_[lane];
  steps.starts.push_back(step.start[lane]);
  steps.sizes.push_back(step.size[lane]);
  steps.ends.push_back(end);
  const auto degree = static_cast<std::size_t>(tableau_.dense_degree);
  const std::size_t rows = step.slopes.state_size, lanes = step.slopes.lanes, first = steps.coefficients.size();
  steps.coefficients.resize(first + (degree + 1) * rows);
  T* out = steps.coefficients.data() + first;
  for (std::size_t row = 0; row < rows; ++row) out[row] = step.y[row * lanes + lane];
  for (std::size_t power = 1; power <= degree; ++power)
    for (std::size_t row = 0; row < rows; ++row) {
      double sum = 0;
      for (int stage = 0; stage < tableau_.num_all_stages(); ++stage)
        if (const double weight = tableau_.dense_row(stage)[power - 1]; weight != 0)
          sum += weight *
                 static_cast<double>(
                     step.slopes.first[static_cast<std::size_t>(stage) * step.slopes.stride + row * lanes + lane]);
      out[power * rows + row] = static_cast<T>(step.size[lane] * sum);
    }
}

template class DenseRecord<float>;
template class DenseRecord<double>;

}  // namespace costate::internal
