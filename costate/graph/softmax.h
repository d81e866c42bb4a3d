// Softmax, and the loss of a classifier: compositions, with derivatives of any order.
#pragma once

#include "costate/graph/array.h"

namespace costate {

/// exp(x) / sum of exp(x) along an axis, and its logarithm, for numbers of any size. ShapeError if there is no such
/// axis, or no number along it.
Array softmax(Operand x, int axis = -1);
Array log_softmax(Operand x, int axis = -1);

/// -log softmax(logits)[class], a scalar: logits [K], and the class as a label [] that holds one of the whole numbers
/// 0 … K - 1, or as a unit vector [K], or any probabilities of the classes: -Σ p log softmax. For any other label it is
/// NaN, and so are its gradients: nobody knows a label's number while a program is traced, so labels are checked where
/// data enter. ShapeError for other shapes.
Array cross_entropy(Operand logits, Operand target);

}  // namespace costate
