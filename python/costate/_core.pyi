"""The compiled part of costate; import costate instead."""

from collections.abc import Callable, Sequence
import os
from typing import Any, overload

import numpy


class Parameter:
    """A named array that programs share and optimizers change."""

    def __init__(self, name: str, value: object) -> None: ...

    @property
    def name(self) -> str: ...

    @property
    def shape(self) -> tuple: ...

    @property
    def value(self) -> numpy.ndarray:
        """
        The numbers, as a NumPy array that is not to be written to: assign new ones, as p.value = p.value - step.
        """

    @value.setter
    def value(self, arg: object, /) -> None: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[str, object], /) -> None: ...

    def __repr__(self) -> str: ...

    @overload
    def __eq__(self, arg: Parameter, /) -> bool: ...

    @overload
    def __eq__(self, arg: object, /) -> Array: ...

    @overload
    def __ne__(self, arg: Parameter, /) -> bool: ...

    @overload
    def __ne__(self, arg: object, /) -> Array: ...

    def __hash__(self) -> int: ...

    def __bool__(self) -> bool: ...

    def __float__(self) -> bool: ...

    def __int__(self) -> bool: ...

    def __complex__(self) -> bool: ...

    def __index__(self) -> bool: ...

    def __setitem__(self, key: object | None, value: object | None) -> None: ...

    def __add__(self, arg: object, /) -> Array: ...

    def __radd__(self, arg: object, /) -> Array: ...

    def __sub__(self, arg: object, /) -> Array: ...

    def __rsub__(self, arg: object, /) -> Array: ...

    def __mul__(self, arg: object, /) -> Array: ...

    def __rmul__(self, arg: object, /) -> Array: ...

    def __truediv__(self, arg: object, /) -> Array: ...

    def __rtruediv__(self, arg: object, /) -> Array: ...

    def __pow__(self, arg: object, /) -> Array: ...

    def __rpow__(self, arg: object, /) -> Array: ...

    def __mod__(self, arg: object, /) -> Array: ...

    def __rmod__(self, arg: object, /) -> Array: ...

    def __floordiv__(self, arg: object, /) -> Array: ...

    def __rfloordiv__(self, arg: object, /) -> Array: ...

    def __and__(self, arg: object, /) -> Array: ...

    def __rand__(self, arg: object, /) -> Array: ...

    def __or__(self, arg: object, /) -> Array: ...

    def __ror__(self, arg: object, /) -> Array: ...

    def __matmul__(self, arg: object, /) -> Array: ...

    def __rmatmul__(self, arg: object, /) -> Array: ...

    def __lt__(self, arg: object, /) -> Array: ...

    def __le__(self, arg: object, /) -> Array: ...

    def __gt__(self, arg: object, /) -> Array: ...

    def __ge__(self, arg: object, /) -> Array: ...

    def __neg__(self) -> Array: ...

    def __pos__(self) -> Array: ...

    def __abs__(self) -> Array: ...

    def __invert__(self) -> Array: ...

    def __getitem__(self, key: object | None) -> Array: ...

    def sum(self, axis: object | None = None, keepdims: bool = False) -> Array:
        """Sum over all axes, or over those listed."""

    def mean(self, axis: object | None = None, keepdims: bool = False) -> Array:
        """Mean over all axes, or over those listed."""

    def min(self, axis: object | None = None, keepdims: bool = False) -> Array:
        """Minimum over all axes, or over those listed."""

    def max(self, axis: object | None = None, keepdims: bool = False) -> Array:
        """Maximum over all axes, or over those listed."""

    def cumsum(self, axis: object | None = None) -> Array:
        """Running sums along an axis, or over all numbers in their order."""

    def reshape(self, *args) -> Array:
        """The same numbers in another shape, of which one axis may be -1."""

    def ravel(self) -> Array:
        """The numbers in a row."""

    def flatten(self) -> Array:
        """The numbers in a row."""

    def transpose(self) -> Array:
        """Reverses the axes."""

    def dot(self, y: object) -> Array:
        """The product x @ y."""

    def clip(self, min: object | None = None, max: object | None = None) -> Array:
        """x, but not below min nor above max."""

    def __len__(self) -> int: ...

    @property
    def T(self) -> Array:
        """The axes reversed."""

    @property
    def size(self) -> int:
        """How many numbers."""

    @property
    def ndim(self) -> int:
        """How many axes."""

    def __array_ufunc__(self, ufunc: object, method: str, *inputs: object, **options: object) -> Array: ...

class Array:
    """A value of the program that is being traced."""

    @property
    def shape(self) -> tuple: ...

    def __repr__(self) -> str: ...

    def __bool__(self) -> bool: ...

    def __float__(self) -> bool: ...

    def __int__(self) -> bool: ...

    def __complex__(self) -> bool: ...

    def __index__(self) -> bool: ...

    def __setitem__(self, key: object | None, value: object | None) -> None: ...

    def __add__(self, arg: object, /) -> Array: ...

    def __radd__(self, arg: object, /) -> Array: ...

    def __sub__(self, arg: object, /) -> Array: ...

    def __rsub__(self, arg: object, /) -> Array: ...

    def __mul__(self, arg: object, /) -> Array: ...

    def __rmul__(self, arg: object, /) -> Array: ...

    def __truediv__(self, arg: object, /) -> Array: ...

    def __rtruediv__(self, arg: object, /) -> Array: ...

    def __pow__(self, arg: object, /) -> Array: ...

    def __rpow__(self, arg: object, /) -> Array: ...

    def __mod__(self, arg: object, /) -> Array: ...

    def __rmod__(self, arg: object, /) -> Array: ...

    def __floordiv__(self, arg: object, /) -> Array: ...

    def __rfloordiv__(self, arg: object, /) -> Array: ...

    def __and__(self, arg: object, /) -> Array: ...

    def __rand__(self, arg: object, /) -> Array: ...

    def __or__(self, arg: object, /) -> Array: ...

    def __ror__(self, arg: object, /) -> Array: ...

    def __matmul__(self, arg: object, /) -> Array: ...

    def __rmatmul__(self, arg: object, /) -> Array: ...

    def __lt__(self, arg: object, /) -> Array: ...

    def __le__(self, arg: object, /) -> Array: ...

    def __gt__(self, arg: object, /) -> Array: ...

    def __ge__(self, arg: object, /) -> Array: ...

    def __eq__(self, arg: object, /) -> Array: ...

    def __ne__(self, arg: object, /) -> Array: ...

    def __neg__(self) -> Array: ...

    def __pos__(self) -> Array: ...

    def __abs__(self) -> Array: ...

    def __invert__(self) -> Array: ...

    def __getitem__(self, key: object | None) -> Array: ...

    def sum(self, axis: object | None = None, keepdims: bool = False) -> Array:
        """Sum over all axes, or over those listed."""

    def mean(self, axis: object | None = None, keepdims: bool = False) -> Array:
        """Mean over all axes, or over those listed."""

    def min(self, axis: object | None = None, keepdims: bool = False) -> Array:
        """Minimum over all axes, or over those listed."""

    def max(self, axis: object | None = None, keepdims: bool = False) -> Array:
        """Maximum over all axes, or over those listed."""

    def cumsum(self, axis: object | None = None) -> Array:
        """Running sums along an axis, or over all numbers in their order."""

    def reshape(self, *args) -> Array:
        """The same numbers in another shape, of which one axis may be -1."""

    def ravel(self) -> Array:
        """The numbers in a row."""

    def flatten(self) -> Array:
        """The numbers in a row."""

    def transpose(self) -> Array:
        """Reverses the axes."""

    def dot(self, y: object) -> Array:
        """The product x @ y."""

    def clip(self, min: object | None = None, max: object | None = None) -> Array:
        """x, but not below min nor above max."""

    def __len__(self) -> int: ...

    @property
    def T(self) -> Array:
        """The axes reversed."""

    @property
    def size(self) -> int:
        """How many numbers."""

    @property
    def ndim(self) -> int:
        """How many axes."""

    def __array_ufunc__(self, ufunc: object, method: str, *inputs: object, **options: object) -> Array: ...

def abs(x: object) -> Array:
    """|x|."""

def sign(x: object) -> Array:
    """-1, 0 or 1."""

def floor(x: object) -> Array:
    """The largest whole number that is not above x; its derivative is 0."""

def exp(x: object) -> Array:
    """e to the x."""

def expm1(x: object) -> Array:
    """exp(x) - 1."""

def log(x: object) -> Array:
    """Natural logarithm."""

def log1p(x: object) -> Array:
    """log(1 + x)."""

def sqrt(x: object) -> Array:
    """Square root."""

def sin(x: object) -> Array:
    """Sine."""

def cos(x: object) -> Array:
    """Cosine."""

def tan(x: object) -> Array:
    """Tangent."""

def asin(x: object) -> Array:
    """Inverse sine."""

def acos(x: object) -> Array:
    """Inverse cosine."""

def atan(x: object) -> Array:
    """Inverse tangent."""

def sinh(x: object) -> Array:
    """Hyperbolic sine."""

def cosh(x: object) -> Array:
    """Hyperbolic cosine."""

def tanh(x: object) -> Array:
    """Hyperbolic tangent."""

def sigmoid(x: object) -> Array:
    """1 / (1 + exp(-x))."""

def softplus(x: object) -> Array:
    """log(1 + exp(x))."""

def relu(x: object) -> Array:
    """max(x, 0)."""

def erf(x: object) -> Array:
    """Error function."""

def mod(x: object, y: object) -> Array:
    """What is left of x after whole multiples of y, with the sign of y."""

def atan2(x: object, y: object) -> Array:
    """Angle of the point (y, x), called as atan2(y, x)."""

def equal(x: object, y: object) -> Array:
    """1 where equal, else 0."""

def square(x: object) -> Array:
    """x times x."""

def gelu(x: object) -> Array:
    """x times the normal distribution function of x."""

def silu(x: object) -> Array:
    """x sigmoid(x)."""

def stop_gradient(x: object) -> Array:
    """x, through which no derivative flows."""

def explicit_part(x: object) -> Array:
    """
    x itself, a term of a field that method 'kencarp4' takes explicitly; other methods do not see it.
    """

def minimum(x: object, y: object) -> Array:
    """The smaller of two, element by element."""

def maximum(x: object, y: object) -> Array:
    """The larger of two, element by element."""

def matmul(x: object, y: object) -> Array:
    """[m,k]·[k,n], [m,k]·[k], [k]·[k,n] or [k]·[k]."""

def outer(x: object, y: object) -> Array:
    """out[i, j] = x[i] y[j]."""

def elu(x: object, alpha: float = 1.0) -> Array:
    """x for x > 0, alpha (exp(x) - 1) otherwise."""

def where(condition: object, x: object, y: object) -> Array:
    """x where the condition is not 0, else y."""

def concat(parts: Sequence, axis: int = 0) -> Array:
    """Joins arrays along an axis."""

def stack(parts: Sequence) -> Array:
    """Puts equal shapes side by side along a new first axis."""

def reshape(x: object, shape: object) -> Array:
    """
    The same numbers in another shape of equal size, of which one axis may be -1.
    """

def transpose(x: object) -> Array:
    """Reverses the axes."""

def broadcast_to(x: object, shape: object) -> Array:
    """Repeats x to the shape, by NumPy's rule."""

def gather(x: object, positions: Sequence[int], shape: object) -> Array:
    """out.flat[i] = x.flat[positions[i]]."""

def sum(x: object, axis: object | None = None) -> Array:
    """Sum over all axes, or over those listed."""

def mean(x: object, axis: object | None = None) -> Array:
    """Mean over all axes, or over those listed."""

def min(x: object, axis: object | None = None) -> Array:
    """Minimum over all axes, or over those listed."""

def max(x: object, axis: object | None = None) -> Array:
    """Maximum over all axes, or over those listed."""

def norm(x: object, axis: object | None = None) -> Array:
    """
    Euclidean length of all numbers, or along the axes listed. Its derivative at 0 is 0.
    """

def cumsum(x: object, axis: object | None = None) -> Array:
    """Running sums along an axis, or over all numbers in their order."""

def zeros(shape: object) -> Array:
    """Zeros, inside a trace."""

def ones(shape: object) -> Array:
    """Ones, inside a trace."""

def interpolate(times: object, values: object, t: object, kind: str = 'linear') -> Array:
    """
    u(t) [m] from values [n, m] at times [n], which ascend: kind is 'linear', 'hold' or 'cubic'.

    Before the first and after the last time the value there is kept; at a t of NaN it is NaN. Times that are constants of the
    trace are refused unless they ascend. Times that are an input of the program, or computed from one, are not checked: sort
    them, and their values with them (numpy.argsort), before the program is called.
    """

def linear_solve(a: object, b: object) -> Array:
    """
    x [n] with a x = b, for a [n, n] and b [n]; NaN where a is singular to rounding. Differentiable to any order. ShapeError if a is not square or b has another size.
    """

def expm_multiply(a: object, b: object, t: object) -> Array:
    """
    exp(t a) b, the state at t of x' = a x with x(0) = b, to rounding: a [n, n], b [n] or [n, columns], t a number of either sign.

    Differentiable by all three to any order. It takes about 5 + 6 |t| |a| products with a, |a| being the largest sum of a column;
    NaN where a or t are not finite, or where that would be more than 10^7 products. ShapeError if the shapes do not fit.

    a may be a linear function of an Array [n], too, which may use any Array of the trace, for a b [n] of thousands of numbers that
    each meet few others, as those of a grid do; derivatives by all that it uses. InvalidArgument if it is not linear.
    """

def root(f: Callable, guess: object, *, iterations: int = 20, tolerance: float = 1e-09, jacobian: str = 'auto') -> Array:
    """
    x [n] with f(x) = 0, inside a trace, by Newton's method; derivatives by whatever f uses, through the implicit function theorem.

    f           a callable from [n] to [n]; it may use any Array of the trace.
    guess       [n], where the iteration begins.
    iterations  with a dense Jacobian all of them are done, with a sparse one at most so many.
    tolerance   of the last correction, relative to 1 + |x|, the largest element; NaN comes out where it is larger.
    jacobian    'dense': all n x n derivatives in each iteration; derivatives of any order.
                'sparse': those that f's graph says may be other than 0, for thousands of unknowns that each meet few
                others, as those of a grid do; derivatives of any order. InvalidArgument if they are more than 2^24.
                'krylov': the same, with linear systems solved iteratively: for more than some 10^5 unknowns, whose factors
                would take too much memory.
                'auto': sparse from 64 unknowns on, if at most a quarter as many derivatives as unknowns give all of it.
    """

def steady_state(f: object, guess: object, *, args: Sequence = (), t: float = 0.0, iterations: int = 20, tolerance: float = 1e-09, jacobian: str = 'auto') -> Array:
    """
    z with f(t, z, *args) = 0 for a field of solve, inside a trace, by Newton's method; whether z is stable is not looked at.

    f      a callable f(t, z, ...) on costate Arrays, or a VectorField; derivatives by Arrays and Parameters that it uses are root's.
    guess  where the iteration begins, in the shape of the state, which the result has too.
    args   further inputs of f.
    t      the time at which the field is looked at.

    iterations, tolerance, jacobian  as in root.
    """

def conv2d(x: object, weight: object, *, stride: int | tuple[int, int] = 1, padding: int | tuple[int, int] = 0, dilation: int | tuple[int, int] = 1, groups: int = 1) -> Array:
    """
    Convolves the feature maps of one sample, inside a trace, as torch.nn.functional.conv2d does.

    x         [channels, rows, columns].
    weight    [outputs, channels / groups, kernel rows, kernel columns]; the result is [outputs, rows, columns], without a bias.
    stride, padding, dilation  of rows and columns: one integer, or two.
    groups    of neighbouring channels, each of which makes its share of the outputs.

    ShapeError if the kernel is larger than the padded maps, or groups do not divide channels and outputs.
    """

def conv1d(x: object, weight: object, *, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1) -> Array:
    """
    conv2d along one axis: x [channels, length], weight [outputs, channels / groups, kernel]; the result is [outputs, length].
    """

def max_pool2d(x: object, kernel: int | tuple[int, int] = 2, stride: int | tuple[int, int] | None = None, padding: int | tuple[int, int] = 0) -> Array:
    """
    The largest number of each window of x [channels, rows, columns], inside a trace. Padding holds no number. Of equal numbers
    the first, row by row, has the derivative, as in PyTorch.

    kernel   of rows and columns: one integer, or two, as for the others.
    stride   from window to window; None: as long as the kernel.
    padding  places on each side, up to half of the kernel.
    """

def avg_pool2d(x: object, kernel: int | tuple[int, int] = 2, stride: int | tuple[int, int] | None = None, padding: int | tuple[int, int] = 0) -> Array:
    """
    The mean of each window of x [channels, rows, columns], inside a trace. Zeros of the padding count, as in PyTorch
    unless count_include_pad is False.

    kernel   of rows and columns: one integer, or two, as for the others.
    stride   from window to window; None: as long as the kernel.
    padding  places on each side, up to half of the kernel.
    """

def max_pool1d(x: object, kernel: int = 2, stride: int | None = None, padding: int = 0) -> Array:
    """max_pool2d along one axis, of x [channels, length]."""

def avg_pool1d(x: object, kernel: int = 2, stride: int | None = None, padding: int = 0) -> Array:
    """avg_pool2d along one axis, of x [channels, length]."""

def global_average(x: object) -> Array:
    """
    Inside a trace: the mean of each feature map, of x [channels, ...]: [channels].
    """

def pad(x: object, widths: object) -> Array:
    """
    Zeros around x: widths are one integer, one pair (before, behind), or a list with a pair for each axis.
    """

def softmax(x: object, axis: int = -1) -> Array:
    """exp(x) / sum of exp(x) along an axis, for numbers of any size."""

def log_softmax(x: object, axis: int = -1) -> Array:
    """log(softmax(x)), for numbers of any size."""

def cross_entropy(logits: object, target: object) -> Array:
    """
    -log_softmax(logits)[class], a scalar: logits [classes], and the class as a label [], one of the whole numbers 0, ..., classes - 1
    (the loss and its gradients are NaN for any other), or as a unit vector or probabilities [classes].
    """

def layer_norm(x: object, axis: object = -1, *, eps: float = 1e-05) -> Array:
    """
    (x - mean) / sqrt(variance + eps) with the mean and the variance, divided by n, along an axis or several.
    """

def group_norm(x: object, groups: int, *, eps: float = 1e-05) -> Array:
    """
    (x - mean) / sqrt(variance + eps) with the mean and the variance of each of so many equal groups of neighbouring channels of
    x [channels, ...]. InvalidArgument unless groups divide the channels.
    """

class Function:
    """An immutable traced program for one sample."""

    @property
    def inputs(self) -> list[str]: ...

    @property
    def outputs(self) -> list[str]: ...

    @property
    def parameters(self) -> list[Parameter]:
        """The Parameters that the traced code used, in order."""

    def __call__(self, *args, **kwargs) -> bool: ...

    def __repr__(self) -> str: ...

class Program:
    """A Function made ready to run on batches of NumPy arrays."""

    def __call__(self, *args) -> tuple:
        """
        A tuple of the outputs for a batch: one [batch, ...] array an input (shared inputs without the batch axis). Inputs
        of one sample alone, all without the batch axis, give outputs without it. Ctrl-C ends it.
        """

    def run(self, *args) -> tuple:
        """
        The outputs and a report: evaluations, steps, and of each failed sample its row, the reason ('max_steps', 'step_too_small', 'non_finite', 'invalid_times', 'coarse_times', 'no_convergence'), t and step where its solve ended, and advice. Such a sample counts nothing in gradients of what all samples share.
        """

def trace(f: Callable, shapes: dict, shared: Sequence[str] = []) -> Function:
    """
    Runs f once on Arrays that stand for its inputs, and keeps what it did as a Function.

    f       a callable on Arrays, written for one sample; gives one Array (a number, a list of Arrays) or a tuple of them.
    shapes  a dict: the name of each input, in the order of f's arguments, and its shape for one sample; () is a number.
    shared  names of inputs that are one value for all samples of a batch. Parameters, which f may use, always are.

    A Function has no numbers yet: compile makes it ready to run; vjp, jvp, value_and_grad, jacobian and hessian make Functions
    of derivatives from it. Python's if and for are run once, while f is traced; costate.where chooses by value.

    >>> import costate, numpy as np
    >>> f = costate.trace(lambda x, scale: scale * costate.sum(x * x), {"x": (3,), "scale": ()}, shared=["scale"])
    >>> costate.compile(f)(np.ones((2, 3)), 10.0)[0]
    array([30., 30.])
    """

def compile(function: Function, dtype: object = 'f64', *, lanes: int = 0, device: str = 'cpu') -> Program:
    """
    Makes a Function ready to run on NumPy arrays, as a Program.

    function  from trace, vjp, jvp, value_and_grad, jacobian or hessian.
    dtype     'f64' or 'f32', in which it computes; NumPy's names are taken, too.
    lanes     how many samples go side by side through the program, on one thread; 0: as many as suit the batch. A solve inside with
              control='joint' takes the same steps for these, and for no others.
    device    'cpu'; or 'cuda', experimental, for programs with solves: these and their gradients run on a card, a whole batch in
              one kernel each, and what is between them on the CPU (docs/gpu.md).

    Call the Program with one array an input, [batch, ...] ([...] if shared); it gives a tuple of arrays, one an output. One
    sample may go without the batch axis. Parameters are read anew in each call. The first call of each kind of batch takes
    longer, since it is then that the program is made.
    """

class Pullback:
    """
    The reverse of one run: takes one cotangent an output, gives a tuple of gradients.

    Cotangents have the outputs' shapes, [batch, ...]; None stands for zeros. There is one gradient for each input that wrt names,
    in its order: [batch, ...] for those of samples, summed over the batch for Parameters and shared inputs. They are at the
    numbers that the run had: a Parameter may have another value by now. It may be called many times, with the same bits each
    time, and from any thread; what the run recorded is freed with this object.
    """

    def __call__(self, *args) -> tuple:
        """A tuple of gradients from one cotangent an output. Ctrl-C ends it."""

    def run(self, *args) -> tuple:
        """
        The gradients and a report as that of Program.run, of the reverse alone.
        """

class PullbackProgram:
    """
    A Function made ready to run forward on batches of NumPy arrays, and in reverse later.
    """

    @property
    def wrt(self) -> list[str]:
        """
        The names of the inputs and Parameters of which a Pullback gives gradients.
        """

    def __call__(self, *args) -> tuple:
        """
        The tuple of outputs for a batch, as Program gives it, and the Pullback of this run. Ctrl-C ends it.
        """

    def run(self, *args) -> tuple:
        """The outputs, a report as that of Program.run, and the Pullback."""

def compile_pullback(function: Function, wrt: object | None = None, *, dtype: object = 'f64', lanes: int = 0, device: str = 'cpu') -> PullbackProgram:
    """
    Makes a Function ready to run forward now and in reverse later, as a PullbackProgram.

    function  from trace, vjp, jvp or jacobian; its outputs are one of each sample.
    wrt       names of inputs, or Parameters, of which gradients are wanted; all inputs and Parameters if left out. Nothing is
              recorded for the others.
    dtype     'f64' or 'f32', in which it computes; NumPy's names are taken, too.
    lanes, device  as in compile.

    Call it as a Program, with one array an input. It gives the tuple of outputs, and a Pullback, which has recorded what the
    reverse needs: pullback(cotangent, ...) gives the gradients, with the same bits as vjp(function) in one go. Several runs may
    wait for their reverse at a time. Of solves, all tiles of a run share memory_budget. Where no gradient is wanted, call a
    Program of the same Function.

    >>> import costate, numpy as np
    >>> rate = costate.Parameter("rate", 2.0)
    >>> f = costate.trace(lambda x: rate * x * x, {"x": ()})
    >>> outputs, pullback = costate.compile_pullback(f)(np.array([1.0, 3.0]))
    >>> outputs[0]
    array([ 2., 18.])
    >>> by_x, by_rate = pullback(np.array([1.0, 10.0]))
    >>> by_x, float(by_rate)
    (array([  4., 120.]), 91.0)
    """

class InputCheck:
    """
    What check_gradient found of an input; numbers that are not to be had are NaN.
    """

    @property
    def input(self) -> str:
        """Its name."""

    @property
    def sample(self) -> int:
        """The row of the batch that agrees least; -1 for what all samples share."""

    @property
    def gradient(self) -> float:
        """The gradient along the direction."""

    @property
    def tangent(self) -> float:
        """The forward derivative along it, at tightened tolerances."""

    @property
    def difference(self) -> float:
        """The loss's differences along it."""

    @property
    def error(self) -> float:
        """By how much the gradient is off."""

    @property
    def allowed(self) -> float:
        """By how much it may be."""

    @property
    def verdict(self) -> str:
        """'right', 'off', 'unclear' or 'no derivative'."""

    @property
    def note(self) -> str:
        """What is the matter; '' if nothing is."""

    def __repr__(self) -> str: ...

class GradientCheck:
    """What check_gradient found; prints as a table."""

    @property
    def inputs(self) -> list[InputCheck]:
        """An InputCheck for each input that was checked."""

    @property
    def worst(self) -> str:
        """The input that is off most, in units of what is allowed."""

    @property
    def ok(self) -> bool:
        """Whether no input is off or unclear."""

    def __repr__(self) -> str: ...

def check_gradient(f: Function, *inputs, wrt: object | None = None, rtol: float = 0.001, atol: float = 1e-06, directions: int = 2, seed: int = 0) -> GradientCheck:
    """
    Checks the gradient of a loss, and names the input that is off: a GradientCheck, which prints as a table.

    f           a Function of one sample's loss.
    inputs      one array an input, as a Program takes them; Parameters have their current values.
    wrt         names of inputs, or Parameters, to check; all inputs if left out.
    rtol        the share of itself by which a gradient may be off.
    atol        by how much it may be off at most where a tangent at f's own tolerances is no more exact.
    directions  how many random directions each input is moved along.
    seed        of the directions.

    Each input moves alone. The gradient is compared with the tangent of the same loss whose solves are at tightened tolerances,
    and with differences of that loss. An input that has no derivative is said to have none, and does not end the check. All is in
    f64.

    >>> import costate, numpy as np
    >>> from_rest = {"gradient_steps": "off"}  # steps that see the state alone, which does not move here
    >>> end = lambda z0: costate.solve(lambda t, z: 2 - z, z0, [0.0, 10.0], **from_rest)[-1, 0]
    >>> check = costate.check_gradient(costate.trace(end, {"z0": (1,)}), [2.0])
    >>> check.ok, check.worst, check.inputs[0].verdict
    (False, 'z0', 'off')
    """

def vjp(f: Function, wrt: object | None = None) -> Function:
    """
    Reverse mode: takes f's inputs and one cotangent an output; gives f's outputs, then one cotangent an input.
    """

def jvp(f: Function, wrt: object | None = None, shared_tangents: str = 'shared') -> Function:
    """
    Forward mode: takes f's inputs and one tangent an input; gives f's outputs, then one tangent an output. Of
    value_and_grad(loss): Hessian-vector products, through a solve too.

    f                a Function.
    wrt              names of inputs, or Parameters, that move; all inputs if left out.
    shared_tangents  of Parameters and shared inputs: 'shared', one tangent for all samples, or 'sample', [batch, ...], one each.
    """

def value_and_grad(f: Function, wrt: object | None = None, *, gradient_error: bool = False) -> Function:
    """
    A Function of f's outputs, the first of which is a scalar loss, then its gradients.

    f               a Function of one sample's loss.
    wrt             names of inputs, or Parameters, of which the gradients are wanted; all inputs if left out.
    gradient_error  whether an estimate of each gradient's error follows the gradients: the same gradient with all solves at
                    tightened tolerances, minus it. All together takes 1.3 to 3 times the evaluations. Below a millionth of
                    rtol (for dopri8, a hundredth), and below rounding (1e-5 of a gradient in f32), it is noise.

    The gradient for an input of samples is one a sample, [batch, ...]. The gradient for a Parameter or a shared input is summed
    over the batch: divide by its length if the loss of the batch is the mean of its samples' losses.

    >>> import costate, numpy as np
    >>> rate = costate.Parameter("rate", 2.0)
    >>> loss = costate.trace(lambda x: costate.square(rate * x), {"x": ()})
    >>> value, by_rate = costate.compile(costate.value_and_grad(loss, wrt=rate))(np.array([1.0, 3.0]))
    >>> value, float(by_rate)
    (array([ 4., 36.]), 40.0)

    How exact is the gradient of a solve at a loose tolerance? It should be exp(-1):

    >>> end = costate.trace(lambda z0: costate.solve(lambda t, z: -z, z0, [0.0, 1.0], rtol=1e-2)[-1, 0], {"z0": (1,)})
    >>> _, gradient, error = costate.compile(costate.value_and_grad(end, gradient_error=True))([1.0])
    >>> bool(abs(gradient + error - np.exp(-1)) < 0.1 * abs(gradient - np.exp(-1)))
    True
    """

def jacobian(f: object, wrt: object | None = None) -> Any:
    """
    A Function of f's outputs, then the Jacobian of each output by each of `wrt`.

    f       a Function; or an Array, inside a trace, which gives the Jacobian as an Array.
    wrt     names of inputs, or Parameters; all inputs if left out. Inside a trace, one Array or Parameter.

    The Jacobian of y by x has shape y.shape + x.shape. It is one a sample, [batch, ...], by Parameters and shared inputs, too. It
    takes as many derivatives as x or y has numbers, whichever are fewer.

    >>> import costate, numpy as np
    >>> f = costate.trace(lambda x: costate.stack([x[0] * x[1], x[1]]), {"x": (2,)})
    >>> costate.compile(costate.jacobian(f))(np.array([3.0, 5.0]))[1]
    array([[5., 3.],
           [0., 1.]])
    """

def hessian(f: Function, wrt: object | None = None) -> Function:
    """
    A Function of second derivatives: f's outputs, the first of which is a scalar, then a Hessian for each pair of `wrt`.

    f       a Function of one sample's loss.
    wrt     names of inputs, or Parameters; all inputs if left out. The Hessian by x and y has shape x.shape + y.shape.

    It is one a sample, [batch, ...]. If both x and y are Parameters or shared inputs, it is summed over the batch, as gradients
    are. It takes as many gradients as y has numbers.

    >>> import costate, numpy as np
    >>> f = costate.trace(lambda x: x[0] * x[0] * x[1], {"x": (2,)})
    >>> costate.compile(costate.hessian(f))(np.array([3.0, 5.0]))[1]
    array([[10.,  6.],
           [ 6.,  0.]])
    """

def gradient(value: Array, wrt: object) -> object:
    """
    Inside a trace: the gradient of a scalar with respect to an Array, or to each of a list of Arrays.
    """

class Linear:
    """
    y = W x + b, with the Parameters '<name>.weight' [outputs, inputs] and '<name>.bias' [outputs].

    init  of the weights: 'glorot_uniform', 'glorot_normal', 'he_uniform', 'he_normal', 'lecun_uniform', 'lecun_normal',
          'torch_uniform', 'orthogonal' or 'zeros'. Biases start at 0; those of Linear and Mlp under 'torch_uniform' as
          PyTorch's.
    seed  of the numbers that they are drawn from.
    name  begins the names of the Parameters.
    stream  of the seed, so that layers of one seed start differently.
    """

    def __init__(self, inputs: int, outputs: int, *, init: str = 'glorot_uniform', seed: int = 0, stream: int = 0, name: str = 'linear') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, x: object) -> Array:
        """
        Inside a trace: the outputs of x [inputs]. ShapeError if x has another shape.
        """

class Mlp:
    """
    Linear layers of widths inputs, *hidden, outputs with an activation between them.

    activation  'identity', 'tanh', 'relu', 'sigmoid', 'softplus', 'elu', 'gelu', 'silu' or 'sin'.

    init  of the weights: 'glorot_uniform', 'glorot_normal', 'he_uniform', 'he_normal', 'lecun_uniform', 'lecun_normal',
          'torch_uniform', 'orthogonal' or 'zeros'. Biases start at 0; those of Linear and Mlp under 'torch_uniform' as
          PyTorch's.
    seed  of the numbers that they are drawn from.
    name  begins the names of the Parameters. Layer i has '<name>.<i>.weight' and '<name>.<i>.bias'.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int, *, activation: str = 'tanh', init: str = 'glorot_uniform', seed: int = 0, name: str = 'net') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, x: object) -> Array:
        """
        Inside a trace: the outputs of x [inputs]. ShapeError if x has another shape.
        """

class Residual:
    """
    x + scale F(x), F being an Mlp of these options whose inputs are as many as its outputs (He et al., CVPR 2016, eq. 1).

    init  of the weights: 'glorot_uniform', 'glorot_normal', 'he_uniform', 'he_normal', 'lecun_uniform', 'lecun_normal',
          'torch_uniform', 'orthogonal' or 'zeros'. Biases start at 0; those of Linear and Mlp under 'torch_uniform' as
          PyTorch's.
    seed  of the numbers that they are drawn from.
    name  begins the names of the Parameters.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int, *, activation: str = 'tanh', init: str = 'glorot_uniform', seed: int = 0, name: str = 'net', scale: float = 1.0) -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    @property
    def branch(self) -> Mlp:
        """F, with the same Parameters."""

    def __call__(self, x: object) -> Array:
        """
        Inside a trace: the outputs of x [inputs]. ShapeError if x has another shape.
        """

class RnnCell:
    """
    h_next = tanh(W [x, h] + b) (Elman 1990), with the Parameters '<name>.weight' and '<name>.bias'.

    init  of the weights: 'glorot_uniform', 'glorot_normal', 'he_uniform', 'he_normal', 'lecun_uniform', 'lecun_normal',
          'torch_uniform', 'orthogonal' or 'zeros'. Biases start at 0; those of Linear and Mlp under 'torch_uniform' as
          PyTorch's.
    seed  of the numbers that they are drawn from.
    name  begins the names of the Parameters.
    """

    def __init__(self, inputs: int, hidden: int, *, init: str = 'glorot_uniform', seed: int = 0, name: str = 'cell') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, x: object, h: object) -> Array:
        """
        Inside a trace: the next hidden state [hidden] of x [inputs] and h [hidden]. ShapeError if they have other shapes.
        """

class GruCell:
    """
    The gated unit of Cho et al. 2014 (eq. 5 to 8):

        r = sigmoid(W_r [x, h] + b_r)      z = sigmoid(W_z [x, h] + b_z)
        c = tanh(W_c [x, r h] + b_c)       h_next = z h + (1 - z) c

    init  of the weights: 'glorot_uniform', 'glorot_normal', 'he_uniform', 'he_normal', 'lecun_uniform', 'lecun_normal',
          'torch_uniform', 'orthogonal' or 'zeros'. Biases start at 0; those of Linear and Mlp under 'torch_uniform' as
          PyTorch's.
    seed  of the numbers that they are drawn from.
    name  begins the names of the Parameters.
    """

    def __init__(self, inputs: int, hidden: int, *, init: str = 'glorot_uniform', seed: int = 0, name: str = 'cell') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, x: object, h: object) -> Array:
        """
        Inside a trace: the next hidden state [hidden] of x [inputs] and h [hidden]. ShapeError if they have other shapes.
        """

class DenseSolution:
    """
    z(t) of a solve between its first and its last time: a polynomial a step.

    It is what solve(..., dense=True) has as `dense`. It holds numbers alone, and can be pickled.
    """

    def __call__(self, times: object) -> Any:
        """
        z at times, a number, [time] or [batch, time]: [batch, time, ...state], without the axes that there are not.

        NaN where a sample's solve failed or an event has ended it before; at an event that moves the state, the one before it.
        ValueError for times outside of the solve's own. Of a state of several arrays, these in the structure of z0.
        """

    def slopes(self, times: object) -> Any:
        """dz/dt of the same, of the polynomials."""

    @property
    def step_times(self) -> Any:
        """
        [step + 1]: where steps begin, and where the last one ends; of a batch, a list of them.
        """

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple, /) -> None: ...

class Event:
    """
    A time at which g(t, z, *args) of a sample goes through zero in a solve.

    g          gives a number; a callable on costate Arrays, as the field, with the args of the solve. It may use Parameters.
    reset      reset(t, z, *args) gives the state with which the solve goes on: a bounce, a dose. None: as it was.
    direction  'rising': from below zero to above, as time runs; 'falling'; 'any'.
    terminal   True: the solve of a sample ends at its first such event; a number: at that one.

    Each sample of a batch has its own events. Two that lie within one step are found, and a g that only touches zero, where
    the solve's dense output shows them; of a g that turns more often within a step some are lost: max_step makes steps
    shorter. A g that is zero at times[0], or right after the event's own reset, is no event there. Of two events with resets
    at one time the first of the list happens first, and then the other one, unless that reset moved its g away from zero.

    >>> import costate, numpy as np
    >>> ball = lambda t, z: costate.stack([z[1], -9.81])
    >>> ground = costate.Event(lambda t, z: z[0], lambda t, z: costate.stack([0.0, -0.8 * z[1]]), direction="falling")
    >>> solution = costate.solve(ball, [1.0, 0.0], [0.0, 1.0], events=[ground])
    >>> bool(np.allclose(solution.event_times, [np.sqrt(2 / 9.81)]))
    True
    """

    def __init__(self, g: Callable, reset: Callable | None = None, *, direction: str = 'any', terminal: bool | int = False) -> None: ...

    def __repr__(self) -> str: ...

def rest_event(rate: float) -> Event:
    """
    An Event that ends a solve where the state comes to rest: where the root mean square of dz/dt falls below `rate`.

    A sample that is at rest from the start on is not ended.

    >>> import costate
    >>> solution = costate.solve(lambda t, z: -z, [1.0], [0.0, 100.0], events=[costate.rest_event(1e-3)])
    >>> bool(abs(solution.event_times[0] - 6.9078) < 1e-3)
    True
    """

class EventSolution:
    """
    A solve with events inside a trace. Rows of events that did not happen are NaN.
    """

    @property
    def states(self) -> Array:
        """[time, ...state]; NaN after an event that ends the solve."""

    @property
    def event_times(self) -> Array:
        """[max_events], in the order of time."""

    @property
    def event_numbers(self) -> Array:
        """[max_events]: which of the list `events`."""

    @property
    def event_states(self) -> Array:
        """[max_events, ...state] before the event moves it."""

    @property
    def count(self) -> Array:
        """How many there were, those beyond max_events among them."""

class VectorField:
    """A traced right-hand side z' = f(t, z, ...)."""

    @property
    def parameters(self) -> list[Parameter]: ...

    def __repr__(self) -> str: ...

def vector_field(f: Callable, state_shape: object, arguments: dict = {}, jac: Callable | None = None, shared: Sequence[str] = ()) -> VectorField:
    """
    Traces f(t, z, ...) once for one sample's state, for solves that share it.

    state_shape  of one sample: (2,); or a dict, tuple, named tuple or dataclass of shapes, for a state of several arrays.
    arguments    a dict: further inputs of f by name and shape, which solve takes as args=.
    jac          jac(t, z, ...) gives df/dz, of f's shape and z's behind each other; None: from the graph. The linear systems
                 of implicit methods take it as it is; derivatives are f's own.
    shared       names of arguments that are one value for all samples, as weights are: solve takes them without the batch axis.
    """

class Solution:
    """States at the asked times, and how each sample's solve went."""

    @property
    def states(self) -> numpy.ndarray:
        """
        [batch, time, ...state], or [time, ...state] for one sample; NaN from where a sample failed. Of a state of several arrays, these in the structure of z0, each [..., time, ...its axes]. Of a solve with `save`, what that gives, in its structure.
        """

    @property
    def times(self) -> numpy.ndarray:
        """[time], or [batch, time]: the times that were asked for."""

    @property
    def status(self) -> Any:
        """
        'ok', 'max_steps', 'step_too_small', 'non_finite', 'coarse_times' or 'no_convergence', one a sample.
        """

    @property
    def nfe(self) -> Any:
        """Evaluations of f, one a sample."""

    @property
    def accepted(self) -> Any:
        """Accepted steps."""

    @property
    def rejected(self) -> Any:
        """Rejected steps."""

    @property
    def implicit_steps(self) -> Any:
        """
        Accepted steps that were implicit: some of method='auto', all of an implicit one.
        """

    @property
    def switches(self) -> Any:
        """
        When method='auto' went over to implicit steps, back to explicit ones, and so on; of a batch, a list of them.
        """

    @property
    def event_times(self) -> Any:
        """
        [n]: when a sample's events were, in the order of time; of a batch, a list of them.
        """

    @property
    def event_numbers(self) -> Any:
        """[n]: which of the list `events` each was; of a batch, a list of them."""

    @property
    def event_states(self) -> Any:
        """
        [n, ...state]: the states at the events, before they move them; of a batch, a list of them.
        """

    @property
    def dense(self) -> DenseSolution:
        """The states between the times, as a function of them."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple, /) -> None: ...

    def check(self) -> None:
        """SolveFailed if a sample failed, naming the first."""

class StepView:
    """
    An attempted step of a sample, as on_step, on_accept and on_reject of solve hear of it.
    """

    @property
    def sample(self) -> int: ...

    @property
    def t(self) -> float: ...

    @property
    def h(self) -> float:
        """Its size; negative backward in time."""

    @property
    def error(self) -> float:
        """In tolerances; 0 before the attempt, and of fixed steps."""

    @property
    def state(self) -> numpy.ndarray:
        """[state] at t, flat."""

def solve(f: object, z0: object, times: object, *, args: Sequence = (), throw: bool = True, events: Sequence = (), max_events: int | None = None, save: Callable | None = None, dense: bool = False, jac: Callable | None = None, on_step: Callable | None = None, on_accept: Callable | None = None, on_reject: Callable | None = None, progress: Callable | None = None, device: str = 'cpu', stream: int | None = None, method: str = 'dopri5', rtol: float | Sequence[float] = 1e-06, atol: float | Sequence[float] = 1e-08, rtols: Sequence[float] = [], atols: Sequence[float] = [], error_norm: str | Callable = 'rms', first_step: float = 0.0, min_step: float = 0.0, at_min_step: str = 'fail', max_step: float = 0.0, stop_at: Sequence[float] = [], mass_matrix: object = [], nonnegative: Sequence[float] = [], step_size: float = 0.0, steps_per_interval: int = 0, max_steps: int = 100000, control: str = 'per_sample', adjoint: str = 'discrete', adjoint_rtol: float = 0.0, adjoint_atol: float = 0.0, gradient_steps: str = 'auto', memory_budget: int = 268435456, safety: float = 0.9, factor_min: float = 0.2, factor_min_accepted: float = 0.2, factor_rejected: float = 0.8, factor_rejected_again: float = 0.5, factor_max: float = 10.0, factor_max_after_reject: float = 1.0, beta1: float = 0.85, beta2: float = -0.2, beta3: float = 0.0, previous_floor: float = 0.01, first_step_rule: str = 'method') -> Any:
    """
    Solves z' = f(t, z, *args), z(times[0]) = z0, and gives the states at `times`.

    f       a callable on costate Arrays, traced once for one sample, or a VectorField.
    z0      [d] or a number: one sample; [batch, ...]: one state a row. float32 solves in f32, all else in f64. Where
            z0, times or args hold Arrays or Parameters, or f uses one of the trace around it, the solve becomes part of
            the program, of one sample, and this returns an Array [time, ...state].
            A Solution: the solve goes on where that one ended, whose last time times[0] must be, with its step sizes,
            controllers and last slopes.
            Or a dict, named tuple, dataclass or tuple of arrays, nested or not: f is called with such a one, gives such a one,
            and the states are such a one. One sample where no array has two axes; else each has the batch as its first.
    times   [time] or [batch, time], ascending or descending; a time that is repeated has the same state again. A solve in
            f32 computes in f64 what f makes of t alone; where f takes t beside z or args, times must not be too close for f32.
    args    further inputs of f, one a sample: [batch, ...] ([...] if z0 is one sample).
    events  a list of costate.Event: what is noted, moves the state or ends a sample's solve where its g goes through zero. An
            output at the time of an event is the state before it; outputs after one that ends the solve are NaN. Solves with
            events choose their steps by the error of each sample. Inside a trace the solve gives an EventSolution: the states,
            and the first `max_events` (16) times, numbers and states of events, all with gradients through the events' times; z0 is
            one array then.
    save    save(t, z, *args) gives what is kept of z at `times`, in place of z: an array, or several in a dict, tuple or
            dataclass. `states` has these; z is kept nowhere else. NaN where z is. States at events, and those to go on from, are z.
    jac     jac(t, z, *args) gives df/dz for the linear systems of implicit methods; None: from the graph (vector_field).
    on_step, on_accept, on_reject  called with a StepView before each attempted step, and after it; one thread solves then. progress
            is called with the part of the times that is behind, from 0 to 1.
    dense   True: the Solution has `dense`, a DenseSolution, which gives z and dz/dt at any time of the solve.
    device  'cpu'; or 'cuda', experimental, for solves of numbers by explicit methods: one kernel for all steps (docs/gpu.md). Of
            solves inside a trace compile(function, device=...) says it. A z0 that stands on the card, with args that do (arrays of
            any library that has DLPack, as PyTorch's), stays there: `states` is a DeviceArray then, which torch.from_dlpack takes.
    stream  of such arrays, as DLPack numbers it: None or 1 the legacy default one, 2 that of each thread, else a handle.

    method                         by name; the message of an unknown one lists them. SciPy's RK45, RK23 and DOP853 are
                                   'dopri5', 'bosh3' and 'dop853'. 'auto' takes steps of tsit5 until the field proves stiff, then
                                   of rodas5p, and back, for each sample. 'bdf' and 'adams' are SUNDIALS' CVODE, one sample after
                                   the other, where its library is installed; 'kencarp4' takes explicit_part(...) explicitly.
    rtol, atol                     a step's error is at most atol + rtol |z|, as a root mean square.
    rtols, atols                   in place of them, one for each number of z, or one for each part of a field that has several; a
                                   list as rtol or atol is the same.
                                   inf: that number is not controlled, such as an integral beside the state, and moves no step.
    error_norm                     'rms'; 'part_rms': the largest of the parts' own; 'max': the largest of all numbers; or a callable that
                                   gives the error of a step of an Array of the errors of z's numbers, in tolerances.
    first_step                     size of the first attempt; 0: chosen by first_step_rule,
    first_step_rule                which is 'method', by its error estimate, or 'hairer', by its order alone, as torchdiffeq does.
    min_step, at_min_step          no step is shorter, but those that end at a stop or the last time; 0: no limit. Where a shorter
                                   one is asked for, the status is 'step_too_small' ('fail'), or the step is taken, whatever its
                                   error, with the status 'ok' ('accept').
    max_step                       no step is longer; 0: no limit. For inputs so short that steps could pass over them.
    stop_at                        times at which steps end, in any order: where f jumps or bends. Knots of interpolate(...) at
                                   t, or at a * t + b, are such times of themselves, and so are those at which comparisons of
                                   such lines change, their abs, maximum, minimum, relu and sign.
    mass_matrix                    M of M z' = f, [n, n] or its numbers row by row, for 'rodas5p', 'radau5', 'radauIIA3' and
                                   'radauIIA5'. A row of zeros is the equation 0 = f_i, which z0 must satisfy (index 1).
    nonnegative                    numbers of z by their index that no step may take below 0: one that would is tried again with
                                   half its size.
    safety, factor_min, factor_min_accepted, factor_rejected, factor_rejected_again, factor_max, factor_max_after_reject,
    beta1, beta2, beta3,
    previous_floor                 of the controller of steps: the next size is the last one times safety error^(-beta1 / k)
                                   previous^(-beta2 / k) before^(-beta3 / k), k being the order of the error estimate, within the
                                   factors. diffrax's PIDController has beta1 = pcoeff + icoeff + dcoeff, beta2 = -(pcoeff + 2
                                   dcoeff), beta3 = dcoeff.
    memory_budget                  bytes for each thread that a gradient keeps of the solve; it changes no bit.
    steps_per_interval, step_size  fixed steps instead: so many between two times, or at most so long.
    max_steps                      of a sample, attempts included.
    control                        'per_sample', or 'joint': one step for the batch, by the mean error of all; in a trace for the
                                   samples that go side by side (lanes of compile). A sample that blows up then fails all.
    adjoint                        of a solve inside a trace: 'discrete', the steps taken back exactly; 'reversible', the same
                                   without states that are kept, of methods that can; 'interpolating' or 'quadrature', the adjoint
                                   equation with z from the dense output; 'backsolve', with z solved backwards, too; 'forward', a
                                   tangent for each number that a gradient is asked for; of 'bdf' and 'adams' 'cvodes', off by 60
                                   to 2,300 times the tolerance.
    adjoint_rtol, adjoint_atol     of what the last five solve; 0: rtol and atol.
    gradient_steps                 'auto': steps that will be differentiated are also chosen to follow small disturbances, so that
                                   gradients are right where the state rests; 'on': always, so that a solve takes the same
                                   steps with and without its gradient; 'off': never.

    Derivatives of a solve inside a trace, by z0, times, args and Parameters: gradients (value_and_grad, vjp), tangents (jvp),
    Hessian-vector products by jvp(value_and_grad(loss)), vjp(jvp(loss)) or vjp(value_and_grad(loss)), hessian(loss). With
    events, too: through their times and resets. Gradients alone: of methods that step on a grid alone (symplectic_euler,
    velocity_verlet, reversible_heun, alf, explicit_adams, implicit_adams), of 'bdf' and 'adams', and of events with a
    mass_matrix; with a mass_matrix by times.

    A time T at which f jumps, as in where(t <= T, 1, 0), has no derivative so, and NotSupported says so where it is asked
    for. Solve to T and go on from there, both times differentiated:

        y = solve(before, y0, stack([0.0, T]))[-1]
        y = solve(after, y, stack([T, 2.0]))[-1]

    Selects that are continuous (maximum, relu, where(t > T, t - T, 0)) have their derivative. A jump that the state decides,
    as in where(z > level, 1, 0), is not looked for: derivatives lack what a moved crossing changes.

    Gives a Solution: states, times, status, nfe, accepted, rejected, implicit_steps, switches; with events event_times, event_numbers, event_states; with
    dense=True dense. Arrays of a trace that f uses without being passed them are
    found, and reach it as arguments do.

    Raises SolveFailed if a sample cannot be solved, unless throw=False: its states are NaN then, and its status says why.
    Ctrl-C ends a solve.

    >>> import costate, numpy as np
    >>> solution = costate.solve(lambda t, z: -z, [1.0], [0.0, 1.0], rtol=1e-9, atol=1e-9)
    >>> bool(abs(solution.states[1, 0] - np.exp(-1)) < 1e-8)
    True
    """

class DeviceArray:
    """
    Numbers in a card's memory that a solve has made, freed with the last that sees them. Libraries take them by from_dlpack.
    """

    @property
    def shape(self) -> tuple: ...

    @property
    def dtype(self) -> str: ...

    def __dlpack__(self, **kwargs) -> object:
        """The numbers, which are there for every stream."""

    def __dlpack_device__(self) -> tuple: ...

    def to_numpy(self) -> numpy.ndarray:
        """A copy on the host."""

    def __repr__(self) -> str: ...

class DevicePullback:
    """
    The reverse of one run of a DeviceSolver. It holds the steps on the card, and reads the arrays that the run was given again: they must have the same numbers still.
    """

    def __call__(self, cotangent: object, *, stream: int | None = None) -> tuple:
        """
        DeviceArrays, the gradients that wrt names, in its order, of a cotangent of the states [batch, time, ...]: [batch, ...], by times [batch, time], and of arguments that all samples share summed over the batch.
        """

class DeviceSolver:
    """
    Solves of one field on a card, of arrays that stand there, with their gradients; its kernels are made once.

    field    a VectorField, with an argument for each further input.
    wrt      names of what its pull-backs give gradients of: "z0", "times", and arguments of the field.
    dtype    'f64' or 'f32', that of all arrays.
    The options are those of solve: of explicit methods, with the discrete adjoint. What kernels do not have is refused here
    (docs/gpu.md), where it is experimental, too.

    Arrays come from any library that has DLPack (PyTorch, CuPy, JAX) and stay where they are, row-major without gaps, on the
    first card; what is given back are DeviceArrays, which such libraries take by from_dlpack. `stream` is the caller's, as
    DLPack numbers it: 1, or None, is the legacy default stream, 2 that of each thread, others are handles, as
    torch.cuda.current_stream().cuda_stream. Work goes behind what the stream was given before, and is done when a call returns.

    >>> solver = costate.DeviceSolver(field, wrt=["z0", "gain"], dtype="f32")  # doctest: +SKIP
    >>> solution, pullback = solver.run(z0, [0.0, 1.0], gain)  # doctest: +SKIP
    >>> by_z0, by_gain = map(torch.from_dlpack, pullback(cotangent))  # doctest: +SKIP
    """

    def __init__(self, field: VectorField, *, wrt: Sequence[str] = (), dtype: object = 'f64', method: str = 'dopri5', rtol: float | Sequence[float] = 1e-06, atol: float | Sequence[float] = 1e-08, rtols: Sequence[float] = [], atols: Sequence[float] = [], error_norm: str = 'rms', first_step: float = 0.0, min_step: float = 0.0, at_min_step: str = 'fail', max_step: float = 0.0, stop_at: Sequence[float] = [], mass_matrix: object = [], nonnegative: Sequence[float] = [], step_size: float = 0.0, steps_per_interval: int = 0, max_steps: int = 100000, control: str = 'per_sample', adjoint: str = 'discrete', adjoint_rtol: float = 0.0, adjoint_atol: float = 0.0, gradient_steps: str = 'auto', memory_budget: int = 268435456, safety: float = 0.9, factor_min: float = 0.2, factor_min_accepted: float = 0.2, factor_rejected: float = 0.8, factor_rejected_again: float = 0.5, factor_max: float = 10.0, factor_max_after_reject: float = 1.0, beta1: float = 0.85, beta2: float = -0.2, beta3: float = 0.0, previous_floor: float = 0.01, first_step_rule: str = 'method') -> None: ...

    @property
    def reads_arguments(self) -> bool:
        """
        Whether an argument says when steps end (a table's knots, a time at which the field switches): it is copied to the host in each solve.
        """

    def __call__(self, z0: object, times: object, *args, stream: int | None = None, throw: bool = True) -> object:
        """
        A Solution whose states [batch, time, ...] are a DeviceArray. Times are numbers of the host.
        """

    def run(self, z0: object, times: object, *args, stream: int | None = None, throw: bool = True) -> tuple:
        """(Solution, DevicePullback), of a solver that was made with wrt."""

def solve_delays(f: Callable, history: object, times: object, lags: Sequence, *, z0: object = None, args: Sequence = (), nodes: int = 24, max_piece: float = 0.0, throw: bool = True, method: str = 'dopri5', rtol: float | Sequence[float] = 1e-06, atol: float | Sequence[float] = 1e-08, rtols: Sequence[float] = [], atols: Sequence[float] = [], error_norm: str = 'rms', first_step: float = 0.0, min_step: float = 0.0, at_min_step: str = 'fail', max_step: float = 0.0, stop_at: Sequence[float] = [], mass_matrix: object = [], nonnegative: Sequence[float] = [], step_size: float = 0.0, steps_per_interval: int = 0, max_steps: int = 100000, control: str = 'per_sample', adjoint: str = 'discrete', adjoint_rtol: float = 0.0, adjoint_atol: float = 0.0, gradient_steps: str = 'auto', memory_budget: int = 268435456, safety: float = 0.9, factor_min: float = 0.2, factor_min_accepted: float = 0.2, factor_rejected: float = 0.8, factor_rejected_again: float = 0.5, factor_max: float = 10.0, factor_max_after_reject: float = 1.0, beta1: float = 0.85, beta2: float = -0.2, beta3: float = 0.0, previous_floor: float = 0.01, first_step_rule: str = 'method') -> Any:
    """
    Solves z'(t) = f(t, z(t), z(t - lag_1), ..., z(t - lag_L), *args), z(t) = history before times[0], by the method of steps.

    f        a callable f(t, z, z_lag_1, ..., z_lag_L, *args) on costate Arrays, for one sample.
    history  a callable history(t, *args) for one sample; or what is constant before times[0], an array as z0.
    times    [time], not descending, the same for all samples; inside a trace, numbers.
    lags     positive numbers; inside a trace, Parameters too, by which the solve has a derivative.
    z0       the state at times[0] where it is not the history's: [d] is one sample, [batch, ...] one a row; float32 solves in f32.
             Where z0, args, lags or history hold Arrays or Parameters, the solve becomes part of the program, of one sample.
    args     further inputs of f and history, one a sample: [batch, ...].

    nodes, max_piece  the time is cut where derivatives may jump, at times[0], stop_at and sums of lags behind these, and into pieces no longer
                      than the shortest lag and max_piece (0: no limit). Each is kept as the polynomial through the dense output at
                      so many points; where its last coefficients are above 100 tolerances the sample fails as 'unresolved', and a
                      smaller max_piece is the cure. At most 4096 pieces.

    Other keywords are those of solve, which takes each piece; steps go by their error.

    Gives the states [batch, time, ...], [time, ...] for one sample. Raises SolveFailed if a sample fails, unless throw=False: its
    states are NaN from that piece on.

    Derivatives of a solve inside a trace are those of the computed solution: by z0, args, Parameters, history and lags.

    >>> import costate, numpy as np
    >>> z = costate.solve_delays(lambda t, z, z_1: -z_1, [1.0], [0.0, 1.0, 2.0], [1.0], rtol=1e-9, atol=1e-9)
    >>> bool(np.allclose(z[:, 0], [1.0, 0.0, -0.5]))
    True
    """

def solve_sde(f: Callable, g: Callable, z0: object, times: object, *, args: Sequence = (), method: str = 'euler_maruyama', steps_per_interval: int = 0, step_size: float = 0.0, seed: int = 0, stream: object = 0, samples: object = None, throw: bool = True, memory_budget: int = 268435456) -> Any:
    """
    Solves dz = f(t, z, *args) dt + g(t, z, *args) dW, z(times[0]) = z0, by fixed steps, and gives the states at `times`.

    f, g    callables on costate Arrays, traced once for one sample. g has the shape of z: diagonal noise, a channel for each number
            of z; or one axis more, [..., m]: a matrix, with m channels of noise. What it reads is found out.
    z0      as in solve: [d] or a number is one sample, [batch, ...] one state a row; float32 solves in f32, with the same path.
            Where z0, args, stream or samples hold Arrays or Parameters, the solve becomes part of the program, of one sample, and
            this returns an Array [time, ...state].
    times   [time], not descending, the same for all samples; inside a trace, numbers.
    args    further inputs of f and g, one a sample: [batch, ...] ([...] if z0 is one sample).

    method
      'euler_maruyama'     Ito; strong order 1/2, 1 where g does not read z; weak order 1.
      'milstein'           Ito; strong order 1. Diagonal noise: g[i] reads z[i] alone, or g reads no z.
      'srk'                Ito; strong order 3/2 (Roessler 2010: SRIW1, and SRA1 where g does not read z). As milstein.
      'heun_stratonovich'  Stratonovich; strong order 1 of diagonal noise and where g does not read z, else 1/2.
    steps_per_interval, step_size  so many steps between two times, or at most so long; neither: one. Paths are found fastest where
                                   steps are 2^-k of the whole time. No step may be shorter than 2^-20 of it.

    seed, stream, samples  name the paths: whole numbers, of stream and samples from 0 to 2^24 - 1. samples is one for each sample, the
            row if None; inside a trace it must be given, usually as an input, and so may stream: another one is new noise without a
            new program. Of each name and channel W is a function of the time from times[0] to times[-1], whatever the steps, the
            method, the precision, the batch and the threads: brownian_path.
    memory_budget          bytes for each thread that a gradient keeps of the solve; it changes no bit.

    Derivatives of a solve inside a trace: by z0, args and Parameters, of the steps taken on that path, exact to rounding, as of solve;
    none by times.

    Gives a Solution. Raises SolveFailed if a state is inf or NaN, unless throw=False.

    >>> import costate, numpy as np
    >>> solution = costate.solve_sde(lambda t, z: 0.1 * z, lambda t, z: 0.3 * z, [1.0], [0.0, 1.0], method="srk",
    ...                              steps_per_interval=256, seed=7)
    >>> w = costate.brownian_path([0.0, 1.0], seed=7)[-1]
    >>> bool(np.allclose(solution.states[-1], np.exp((0.1 - 0.3**2 / 2) + 0.3 * w), rtol=1e-4))
    True
    """

def brownian_path(times: object, channels: int = 1, *, seed: int = 0, stream: object = 0, samples: object = None) -> numpy.ndarray:
    """
    The paths W that solve_sde meets, 0 at times[0]: [time, channels], of several samples [sample, time, channels].

    They are those of a solve whose first and last times are these; times between may be any.
    """

def methods() -> dict:
    """
    The methods of solve by name: for each a dict with its description, source, family, order, and whether its steps go by
    their error (adaptive), can be taken back (reversible) and allow a mass matrix.

    >>> import costate
    >>> [name for name, method in costate.methods().items() if method["reversible"]]
    ['symplectic_euler', 'velocity_verlet', 'reversible_heun', 'alf']
    """

class FlowDensity:
    """What a flow says of one sample, inside a trace."""

    @property
    def log_density(self) -> Array:
        """A scalar."""

    @property
    def base(self) -> Array:
        """[dimension]: where the flow takes the sample."""

    @property
    def kinetic(self) -> object:
        """
        The integral of |f|^2; None, like the next, unless the flow was made with regularizers=True.
        """

    @property
    def jacobian(self) -> object:
        """
        The integral of |noise df/dz|^2, or of the squared Frobenius norm of df/dz if the trace is exact.
        """

class Cnf:
    """
    A continuous normalizing flow: z' = f(t, z) carries data at t = 0 to a standard normal at t = end, and

        log p(x) = log N(z(end); 0, I) + integral of tr(df/dz)     (Chen et al. 2018, eq. 8; Grathwohl et al. 2019, eq. 3)

    field         f(t, z) on Arrays, [dimension] to [dimension].
    dimension     of a sample.
    end           the time at which the flow has reached the normal distribution.
    trace         'exact', or 'hutchinson', which estimates it by one product with noise (ibid., eq. 7).
    regularizers  whether density also gives the kinetic energy and the Jacobian's norm (Finlay et al. 2020, eq. 9).

    The keywords of solve, such as method, rtol and adjoint, are taken, too. Train the Parameters of the field on -log_density.
    """

    def __init__(self, field: Callable, *, dimension: int = 2, end: float = 1.0, trace: str = 'exact', regularizers: bool = False, method: str = 'dopri5', rtol: float | Sequence[float] = 1e-05, atol: float | Sequence[float] = 1e-05, rtols: Sequence[float] = [], atols: Sequence[float] = [], error_norm: str = 'rms', first_step: float = 0.0, min_step: float = 0.0, at_min_step: str = 'fail', max_step: float = 0.0, stop_at: Sequence[float] = [], mass_matrix: object = [], nonnegative: Sequence[float] = [], step_size: float = 0.0, steps_per_interval: int = 0, max_steps: int = 100000, control: str = 'per_sample', adjoint: str = 'discrete', adjoint_rtol: float = 0.0, adjoint_atol: float = 0.0, gradient_steps: str = 'auto', memory_budget: int = 268435456, safety: float = 0.9, factor_min: float = 0.2, factor_min_accepted: float = 0.2, factor_rejected: float = 0.8, factor_rejected_again: float = 0.5, factor_max: float = 10.0, factor_max_after_reject: float = 1.0, beta1: float = 0.85, beta2: float = -0.2, beta3: float = 0.0, previous_floor: float = 0.01, first_step_rule: str = 'method') -> None: ...

    def density(self, x: object, noise: object | None = None) -> FlowDensity:
        """
        Inside a trace: the FlowDensity at x [dimension]. Noise [dimension] has mean 0 and variance 1 an element; an exact trace needs none.
        """

    def sample(self, base: object) -> Array:
        """
        Inside a trace: the sample [dimension] that base noise [dimension] becomes, the flow backwards.
        """

    def path(self, base: object, times: object) -> Array:
        """
        Inside a trace: the path of base noise to data, at times [n] that descend from end to 0: [n, dimension].
        """

def log_normal(z: object) -> Array:
    """Inside a trace: log N(z; 0, I) of z [d], a scalar."""

class PlanarFlow:
    """
    Planar layers z + u tanh(w . z + b) (Rezende and Mohamed 2015, eq. 10), each moved so that it is invertible (ibid.,
    appendix A.1). Parameters 'planar.w' [count, dimension], 'planar.u', 'planar.b' [count].

    dimension  of a sample.
    count      how many layers of the one, units of the other.
    seed       of the numbers that the weights are drawn from.
    """

    def __init__(self, *, dimension: int = 2, count: int = 8, seed: int = 0) -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, z: object) -> tuple[Array, Array]:
        """
        Inside a trace: z [dimension] after all layers, and the logarithm of the Jacobian's determinant.
        """

    def inverse(self, end: object) -> Array:
        """
        Inside a trace: the z [dimension] that the flow takes to `end`, by bisection.
        """

class PlanarField:
    """
    The field of the continuous planar flow, z' = sum of sigma(t) u(t) tanh(w(t) . z + b(t)), whose coefficients come from a
    net of t (Chen et al. 2018, section 4).

    dimension  of a sample.
    count      how many layers of the one, units of the other.
    seed       of the numbers that the weights are drawn from.
    """

    def __init__(self, *, dimension: int = 2, count: int = 8, seed: int = 0) -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, t: object, z: object) -> Array:
        """Inside a trace: z' [dimension] at t and z [dimension]."""

def hamiltonian_field(n: int, energy: Callable) -> VectorField:
    """
    The VectorField q' = dH/dp, p' = -dH/dq (Greydanus, Dzamba and Yosinski 2019, eq. 2), of states [q, p].

    n       positions, and momenta.
    energy  H(q, p) on Arrays [n], a scalar, which is constant along solutions. ShapeError if it is not a scalar.
    """

def second_order_field(n: int, acceleration: Callable) -> VectorField:
    """
    The VectorField q' = v, v' = acceleration(q, v) (Norcliffe et al. 2020, eq. 2), of states [q, v].

    n             positions, and velocities.
    acceleration  of q and v, Arrays [n], to [n].
    """

class DeepNet:
    """
    Many layers of one width, plain or with an identity around each (He et al., CVPR 2016):

        h_0 = relu(W x + b),  h_i+1 = relu(W_i h_i + b_i)  or  h_i + relu(W_i h_i + b_i),  and W h_depth + b comes out.

    depth  layers from width to width.
    skip   'identity', or 'none'.
    seed   of the numbers that the weights are drawn from (He et al., ICCV 2015); those of residual branches are
           1 / sqrt(depth) smaller.
    """

    def __init__(self, inputs: int, outputs: int, *, width: int = 32, depth: int = 1, skip: str = 'identity', seed: int = 0) -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, x: object) -> Array:
        """Inside a trace: the outputs of x [inputs]."""

class DrivenDelays:
    """
    A driven system that is seen through one number y, with successive samples of it as the state
    (Chen X. et al. 2022, Nature Communications 13:1016, eq. 4):

        z = (y(t), ..., y(t + delays - 1)),   z' = rate net(z, e(t), ..., e(t + delays - 1)),   t in samples

    delays  numbers of the state.
    inputs  numbers of the drive e.
    hidden  widths of the net's layers.
    rate    a sample in the net's unit of time.
    seed    of the numbers that the weights are drawn from.
    """

    def __init__(self, *, delays: int = 2, inputs: int = 1, hidden: Sequence[int] = [50, 50], rate: float = 1.0, seed: int = 0) -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    @property
    def delays(self) -> int: ...

    @property
    def net(self) -> Mlp:
        """
        The Mlp, which takes z, then each input's samples in order; gives z' [delays].
        """

    def field(self, num_samples: int, interpolation: str = 'cubic') -> VectorField:
        """
        A VectorField whose arguments are u_times [num_samples], in samples, and u [num_samples, inputs]; interpolation is 'linear', 'hold' or 'cubic'.
        """

class DiagonalNormal:
    """A normal distribution with independent components, in a trace."""

    @property
    def mean(self) -> Array: ...

    @property
    def log_variance(self) -> Array:
        """Of the mean's shape."""

    def sample(self, noise: object) -> Array:
        """mean + exp(log_variance / 2) noise."""

def kl_to_standard_normal(q: DiagonalNormal) -> Array:
    """
    KL(q || N(0, I)) of a DiagonalNormal, a scalar (Kingma and Welling 2014, appendix B).
    """

def gaussian_negative_log_likelihood(mean: object, x: object, sd: float) -> Array:
    """
    Inside a trace: -sum log N(x; mean, sd^2) over all elements. InvalidArgument unless sd > 0.
    """

class Observations:
    """
    Irregular observations, inside a trace: times [time], which ascend strictly, and x [time, observed].
    """

    def __init__(self, times: object, x: object) -> None: ...

    @property
    def times(self) -> Array: ...

    @property
    def x(self) -> Array: ...

class LatentOde:
    """
    The latent ODE of a time series with irregular observations (Chen et al. 2018, section 5.1; Rubanova et
    al. 2019): a recurrent net reads them backwards and gives a distribution of the latent state at the first; a solve goes on from
    there; a decoder gives the expected observations.

    observed              numbers of an observation.
    latent                numbers of the latent state.
    encoder               'rnn', which is told the gaps between observations, or 'ode_rnn', which crosses them by an ODE.
    encoder_units         numbers of its hidden state.
    encoder_field_hidden, gap_steps  of that ODE: widths of its net's layers, Euler steps from one observation to the next.
    field_hidden, decoder_hidden     widths of the layers of both nets.
    continuity            weight of a term that binds the states of each half of the observations to the path.
    seed                  of the numbers that the weights are drawn from.
    name                  begins the names of the Parameters.

    The keywords of solve, such as method, rtol and adjoint, are taken, too.
    """

    def __init__(self, *, observed: int = 1, latent: int = 4, encoder: str = 'rnn', encoder_units: int = 25, encoder_field_hidden: Sequence[int] = [20], gap_steps: int = 1, field_hidden: Sequence[int] = [20], decoder_hidden: Sequence[int] = [20], continuity: float = 0.0, seed: int = 0, name: str = 'latent_ode', method: str = 'dopri5', rtol: float | Sequence[float] = 0.001, atol: float | Sequence[float] = 0.0001, rtols: Sequence[float] = [], atols: Sequence[float] = [], error_norm: str = 'rms', first_step: float = 0.0, min_step: float = 0.0, at_min_step: str = 'fail', max_step: float = 0.0, stop_at: Sequence[float] = [], mass_matrix: object = [], nonnegative: Sequence[float] = [], step_size: float = 0.0, steps_per_interval: int = 0, max_steps: int = 100000, control: str = 'per_sample', adjoint: str = 'discrete', adjoint_rtol: float = 0.0, adjoint_atol: float = 0.0, gradient_steps: str = 'auto', memory_budget: int = 268435456, safety: float = 0.9, factor_min: float = 0.2, factor_min_accepted: float = 0.2, factor_rejected: float = 0.8, factor_rejected_again: float = 0.5, factor_max: float = 10.0, factor_max_after_reject: float = 1.0, beta1: float = 0.85, beta2: float = -0.2, beta3: float = 0.0, previous_floor: float = 0.01, first_step_rule: str = 'method') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def encode(self, seen: Observations) -> DiagonalNormal:
        """
        The DiagonalNormal of the latent state [latent] at the first observation.
        """

    def latent_path(self, z: object, times: object) -> Array:
        """
        The latent states [time, latent] at times [time] from z at times[0]; times that descend give the past.
        """

    def decode(self, path: object) -> Array:
        """
        The expected observations [time, observed] of latent states [time, latent].
        """

    def predict(self, z: object, times: object) -> Array:
        """decode(latent_path(z, times))."""

    def loss(self, seen: Observations, noise: object, sd: float) -> Array:
        """
        -ELBO by one sample of the first latent state, and the continuity term, a scalar: noise [latent] is standard normal, sd that of an observation.
        """

class GapRnn:
    """
    A recurrent net that is told the time to the next observation, against which a LatentOde is held (Chen et
    al. 2018, section 5.1).

    observed  numbers of an observation.
    units     numbers of the hidden state.
    seed      of the numbers that the weights are drawn from.
    name      begins the names of the Parameters.
    """

    def __init__(self, *, observed: int = 1, units: int = 25, seed: int = 0, name: str = 'gap_rnn') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def negative_log_likelihood(self, seen: Observations, sd: float) -> Array:
        """
        -sum log p of each observation but the first, given those before it, a scalar.
        """

    def forecast(self, seen: Observations, times: object) -> Array:
        """
        The expected observations [time, observed] at times [time] behind the last one seen.
        """

class Conv2d:
    """
    A convolution plus a bias, with the Parameters '<name>.weight' [outputs, inputs / groups, rows, columns] and '<name>.bias'
    [outputs], as torch.nn.Conv2d has them.

    inputs, outputs  channels.
    kernel   rows and columns: one integer, or two, as for stride, padding and dilation.
    groups   of channels that are convolved by themselves.
    bias     whether there is one.
    init     of the weights: 'torch_uniform', PyTorch's, under which the bias is drawn, too, or one of Linear's.
    seed, stream  of the numbers that the weights are drawn from.
    name     begins the names of the Parameters.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int | tuple[int, int], *, stride: int | tuple[int, int] = 1, padding: int | tuple[int, int] = 0, dilation: int | tuple[int, int] = 1, groups: int = 1, bias: bool = True, init: str = 'torch_uniform', seed: int = 0, stream: int = 0, name: str = 'conv') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, x: object) -> Array:
        """
        Inside a trace: x [inputs, rows, columns] -> [outputs, rows, columns]. ShapeError if x does not fit.
        """

class Conv1d:
    """
    Conv2d along one axis, as torch.nn.Conv1d: the Parameters are '<name>.weight' [outputs, inputs / groups, kernel] and '<name>.bias'
    [outputs].

    inputs, outputs  channels.
    kernel   places.
    groups   of channels that are convolved by themselves.
    bias     whether there is one.
    init     of the weights: 'torch_uniform', PyTorch's, under which the bias is drawn, too, or one of Linear's.
    seed, stream  of the numbers that the weights are drawn from.
    name     begins the names of the Parameters.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1, bias: bool = True, init: str = 'torch_uniform', seed: int = 0, stream: int = 0, name: str = 'conv') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, x: object) -> Array:
        """
        Inside a trace: x [inputs, length] -> [outputs, length]. ShapeError if x does not fit.
        """

class ConcatConv2d:
    """
    The convolution of t beside x, t being one more channel before those of x (Chen et al. 2018, odenet_mnist.py), without a map
    full of t: the Parameters are '<name>.weight' [outputs, 1 + inputs, rows, columns] and '<name>.bias' [outputs].

    inputs, outputs  channels.
    kernel   rows and columns: one integer, or two, as for stride, padding and dilation.
    groups   of channels that are convolved by themselves.
    bias     whether there is one.
    init     of the weights: 'torch_uniform', PyTorch's, under which the bias is drawn, too, or one of Linear's.
    seed, stream  of the numbers that the weights are drawn from.
    name     begins the names of the Parameters.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int | tuple[int, int], *, stride: int | tuple[int, int] = 1, padding: int | tuple[int, int] = 0, dilation: int | tuple[int, int] = 1, groups: int = 1, bias: bool = True, init: str = 'torch_uniform', seed: int = 0, stream: int = 0, name: str = 'conv') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, t: object, x: object) -> Array:
        """
        Inside a trace: t [] and x [inputs, rows, columns] -> [outputs, rows, columns].
        """

class GroupNorm:
    """
    group_norm(x) times a weight plus a bias for each channel, the Parameters '<name>.weight' and '<name>.bias' [channels].

    groups    of neighbouring channels, each with a mean and a variance of its own.
    channels  of x.
    eps       is added to variances.
    name      begins the names of the Parameters.
    """

    def __init__(self, groups: int, channels: int, *, eps: float = 1e-05, name: str = 'norm') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, x: object) -> Array:
        """Inside a trace: x [channels, ...], in its shape."""

class LayerNorm:
    """
    layer_norm(x) over the last axes times a weight plus a bias, the Parameters '<name>.weight' and '<name>.bias'.

    shape  of these axes, and of the Parameters: an integer or a list.
    eps    is added to variances.
    name   begins the names of the Parameters.
    """

    def __init__(self, shape: int | Sequence[int], *, eps: float = 1e-05, name: str = 'norm') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, x: object) -> Array:
        """
        Inside a trace: x whose last axes are those of the layer, in its shape.
        """

class Downsampling:
    """
    Feature maps of an image (Chen et al. 2018, odenet_mnist.py): conv 3x3; norm, relu, conv 4x4 of stride 2; the same once more.

    inputs   channels of the image.
    channels of the maps.
    seed, stream  of the numbers that the weights are drawn from.
    name     begins the names of the Parameters.
    """

    def __init__(self, *, inputs: int = 1, channels: int = 64, seed: int = 0, stream: int = 0, name: str = 'downsampling') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, x: object) -> Array:
        """
        Inside a trace: x [inputs, rows, columns] -> [channels, a quarter of the rows, of the columns].
        """

class ConvField:
    """
    The right-hand side of an ODE-Net (Chen et al. 2018, odenet_mnist.py): norm, relu, ConcatConv2d, norm, relu, ConcatConv2d, norm.

    channels    of the feature maps.
    activation  in place of relu, as those of Mlp.
    seed, stream  of the numbers that the weights are drawn from.
    name     begins the names of the Parameters.
    """

    def __init__(self, *, channels: int = 64, activation: str = 'relu', seed: int = 0, stream: int = 0, name: str = 'field') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, t: object, x: object) -> Array:
        """
        Inside a trace: dx/dt at t [] and x [channels, rows, columns], in the shape of x.
        """

class ResidualConv:
    """
    x + conv(relu(norm(conv(relu(norm(x)))))), the pre-activation block of He et al., ECCV 2016.

    channels of the feature maps.
    seed, stream  of the numbers that the weights are drawn from.
    name     begins the names of the Parameters.
    """

    def __init__(self, *, channels: int = 64, seed: int = 0, stream: int = 0, name: str = 'block') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, x: object) -> Array:
        """Inside a trace: x [channels, rows, columns], in its shape."""

class ClassifierHead:
    """
    Logits of feature maps: norm, relu, the mean of each map, linear.

    channels of the feature maps.
    classes  that are told apart.
    seed, stream  of the numbers that the weights are drawn from.
    name     begins the names of the Parameters.
    """

    def __init__(self, *, channels: int = 64, classes: int = 10, seed: int = 0, stream: int = 0, name: str = 'head') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, x: object) -> Array:
        """Inside a trace: x [channels, rows, columns] -> [classes]."""

class ImageClassifier:
    """
    The classifiers of Table 1 of Chen et al. 2018, and the one without a block. Nets of one seed begin alike where they are.

    kind     'mlp': one hidden layer; 'plain': Downsampling, ClassifierHead; 'resnet': residual blocks between these; 'odenet':
             a solve of a ConvField between them, over [0, 1]; 'rknet': the same, its gradient through all steps.
    image_channels, image_rows, image_columns  of an image.
    classes  that are told apart.
    hidden   units of the mlp.
    channels of the feature maps of the others.
    blocks   of the resnet.
    activation  in the ConvField.
    seed     of the numbers that the weights are drawn from.
    name     begins the names of the Parameters.

    The keywords of solve, such as rtol and adjoint, are taken, too.
    """

    def __init__(self, kind: str, *, image_channels: int = 1, image_rows: int = 28, image_columns: int = 28, classes: int = 10, hidden: int = 300, channels: int = 64, blocks: int = 6, activation: str = 'relu', seed: int = 0, name: str = 'classifier', method: str = 'dopri5', rtol: float | Sequence[float] = 0.001, atol: float | Sequence[float] = 0.001, rtols: Sequence[float] = [], atols: Sequence[float] = [], error_norm: str = 'rms', first_step: float = 0.0, min_step: float = 0.0, at_min_step: str = 'fail', max_step: float = 0.0, stop_at: Sequence[float] = [], mass_matrix: object = [], nonnegative: Sequence[float] = [], step_size: float = 0.0, steps_per_interval: int = 0, max_steps: int = 100000, control: str = 'per_sample', adjoint: str = 'backsolve', adjoint_rtol: float = 0.0, adjoint_atol: float = 0.0, gradient_steps: str = 'off', memory_budget: int = 268435456, safety: float = 0.9, factor_min: float = 0.2, factor_min_accepted: float = 0.2, factor_rejected: float = 0.8, factor_rejected_again: float = 0.5, factor_max: float = 10.0, factor_max_after_reject: float = 1.0, beta1: float = 0.85, beta2: float = -0.2, beta3: float = 0.0, previous_floor: float = 0.01, first_step_rule: str = 'method') -> None: ...

    @property
    def parameters(self) -> list[Parameter]:
        """Its Parameters, in order."""

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple[dict, list], /) -> None: ...

    def __call__(self, x: object) -> Array:
        """
        Inside a trace: the logits [classes] of an image [channels, rows, columns].
        """

def ode_block(field: Callable, x: object, *, end: float = 1.0, method: str = 'dopri5', rtol: float | Sequence[float] = 0.001, atol: float | Sequence[float] = 0.001, rtols: Sequence[float] = [], atols: Sequence[float] = [], error_norm: str = 'rms', first_step: float = 0.0, min_step: float = 0.0, at_min_step: str = 'fail', max_step: float = 0.0, stop_at: Sequence[float] = [], mass_matrix: object = [], nonnegative: Sequence[float] = [], step_size: float = 0.0, steps_per_interval: int = 0, max_steps: int = 100000, control: str = 'per_sample', adjoint: str = 'discrete', adjoint_rtol: float = 0.0, adjoint_atol: float = 0.0, gradient_steps: str = 'off', memory_budget: int = 268435456, safety: float = 0.9, factor_min: float = 0.2, factor_min_accepted: float = 0.2, factor_rejected: float = 0.8, factor_rejected_again: float = 0.5, factor_max: float = 10.0, factor_max_after_reject: float = 1.0, beta1: float = 0.85, beta2: float = -0.2, beta3: float = 0.0, previous_floor: float = 0.01, first_step_rule: str = 'method') -> Array:
    """
    A solve as a layer, inside a trace: z(end) of z' = field(t, z), z(0) = x, in the shape of x.

    field  a callable on Arrays, such as a ConvField; it may use any Parameter or Array of the trace.
    x      of any shape.
    end    the time of the result.

    The keywords of solve, such as rtol and adjoint, are taken, too; with gradient_steps='off' the loss is of the net that the steps
    make, and they are the same with and without a gradient.
    """

class System:
    """A dynamical system to make data from, by simulate."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str:
        """With the equation."""

    @property
    def states(self) -> dict:
        """Of each state by name, the interval that its start is drawn from."""

    @property
    def parameters(self) -> dict:
        """By name, the defaults."""

    @property
    def until(self) -> float:
        """The default end; the start is t = 0."""

    @property
    def num_samples(self) -> int:
        """By default, over [0, until]."""

    def __repr__(self) -> str: ...

def systems() -> list[System]:
    """All Systems that simulate knows."""

class TimeSeries:
    """
    Trajectories of one system: fit(series.times, series.states) takes them.
    """

    @property
    def times(self) -> list:
        """[samples], one array a trajectory."""

    @property
    def states(self) -> list:
        """[samples, state], one array a trajectory."""

    @property
    def inputs(self) -> list:
        """[samples, input] that drove the system, one array a trajectory."""

    @property
    def state_names(self) -> list[str]: ...

    @property
    def input_names(self) -> list[str]: ...

def simulate(system: str, *, trajectories: int = 1, noise: float = 0.0, seed: int = 0, until: float | None = None, samples: int | None = None, start: Sequence[float] = [], parameters: dict = {}, irregular: bool = False) -> TimeSeries:
    """
    A TimeSeries of a known system, as if measured: solved to about 1e-12, and noise added.

    system        a name of systems().
    trajectories  how many.
    noise         standard deviation of the Gaussian noise on each state value.
    seed          of starts, times and noise. A trajectory depends on it and its index alone.
    until         the last time; None: the system's.
    samples       of each trajectory, t = 0 included; None: the system's.
    start         [state]; empty: drawn for each trajectory from the system's intervals.
    parameters    in place of the system's defaults, by name.
    irregular     whether times are drawn uniformly from (0, until) instead of evenly spaced.

    Raises InvalidArgument for an unknown system or parameter or an option out of range, SolveFailed if the state grows beyond all
    bounds.

    >>> import costate
    >>> series = costate.simulate("lotka-volterra", trajectories=2, samples=50)
    >>> len(series.states), series.states[0].shape, series.state_names
    (2, (50, 2), ['prey', 'predator'])
    """

def sample_density(name: str, count: int, seed: int = 0, first: int = 0) -> numpy.ndarray:
    """
    Samples [count, 2] of a toy density of the FFJORD paper (Grathwohl et al. 2019).

    name   one of density_names().
    count  how many.
    seed   of the endless sequence that they are from.
    first  where in it they begin: row i depends on the seed and first + i alone.
    """

def density_names() -> list[str]:
    """The names that sample_density knows."""

def two_spirals(count: int, seed: int = 0, first: int = 0) -> tuple[numpy.ndarray, numpy.ndarray]:
    """
    Points [count, 2] of two interleaved spirals, and their classes [count, 2] as unit vectors.

    count  how many; those with an even index are of class 0.
    seed   of the endless sequence that they are from.
    first  where in it they begin: row i depends on the seed and first + i alone.
    """

def concentric_circles(count: int, seed: int = 0, first: int = 0) -> tuple[numpy.ndarray, numpy.ndarray]:
    """
    Points [count, 2] of a disc within a ring (Dupont, Doucet and Teh 2019), and their classes [count, 2] as unit vectors.

    count  how many; two of three are of the ring, class 1.
    seed   of the endless sequence that they are from.
    first  where in it they begin: row i depends on the seed and first + i alone.
    """

class Spirals:
    """Noisy windows of spirals; times are counted from the window's start."""

    @property
    def times(self) -> numpy.ndarray:
        """[count, observed]."""

    @property
    def observations(self) -> numpy.ndarray:
        """[count, observed, 2], with noise."""

    @property
    def truth(self) -> numpy.ndarray:
        """
        [count, 300, 2] without noise: 100 points each before, in and behind the window.
        """

    @property
    def grid(self) -> numpy.ndarray:
        """[300]: the times of truth, 0 at the window's first point."""

def spirals(*, count: int = 1000, observed: int = 100, first_start: int = 100, last_start: int = 299, noise: float = 0.3, seed: int = 0) -> Spirals:
    """
    The spirals of Chen et al. 2018, section 5.1, for latent ODEs.

    count                    how many, half of them clockwise, in turn.
    observed                 points that are seen of the 100 of a window.
    first_start, last_start  windows start uniformly between these of the curve's 500 points.
    noise                    standard deviation of the noise.
    seed                     sample i depends on it and i alone.
    """

def mutual_information(series: object, most_lag: int) -> numpy.ndarray:
    """
    Mutual information, in nats, of x(t) and x(t + lag samples) for lag = 0, ..., most_lag (Fraser and Swinney 1986).
    """

def first_minimum(mutual_information: object) -> int:
    """
    The first lag at which the mutual information has a minimum; else the last one.
    """

def false_neighbours(series: object, lag: int, most_dimension: int) -> numpy.ndarray:
    """
    Share of false nearest neighbours in embeddings of dimension 1, ..., most_dimension (Kennel, Brown and Abarbanel 1992).
    """

def embedding_dimension(false_neighbours: object, threshold: float = 0.01) -> int:
    """
    The first dimension with a share of false neighbours below the threshold; else the last one.
    """

class OptimizerOptions:
    """
    Which optimizer, and how it steps.

    kind            'adam' (Kingma and Ba 2015), 'adamw' (Loshchilov and Hutter 2019), 'sgd' with momentum, or 'lbfgs' (Nocedal
                    and Wright 2006), which wants all samples in each step.
    beta1, beta2, epsilon  of Adam.
    momentum        of SGD: v = momentum v + g, x -= rate v.
    weight_decay    AdamW: x -= rate * weight_decay * x; others add weight_decay * x to the gradient.
    clip_norm       gradients with a larger norm over all Parameters are scaled down to it; 0: none are.
    history         L-BFGS: pairs that are kept.
    """

    def __init__(self, *, kind: str = 'adam', beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-08, momentum: float = 0.9, weight_decay: float = 0.0, clip_norm: float = 0.0, history: int = 20) -> None: ...

    @property
    def kind(self) -> str: ...

    @property
    def beta1(self) -> float: ...

    @property
    def beta2(self) -> float: ...

    @property
    def epsilon(self) -> float: ...

    @property
    def momentum(self) -> float: ...

    @property
    def weight_decay(self) -> float: ...

    @property
    def clip_norm(self) -> float: ...

    @property
    def history(self) -> int: ...

    def __repr__(self) -> str: ...

    def __getstate__(self) -> dict: ...

    def __setstate__(self, arg: dict, /) -> None: ...

class Schedule:
    """
    The learning rate over the epochs, which learning_rate reads.

    kind           'constant'; 'cosine', half a cosine from base to base * final_ratio; 'exponential', a constant factor an epoch;
                   'step', a tenth after 3/8, 5/8 and 7/8 of the epochs each.
    base           the rate that it begins with.
    final_ratio    that of the last epoch to base.
    warmup_epochs  the rate rises linearly over them before the schedule proper begins.
    """

    def __init__(self, *, kind: str = 'constant', base: float = 0.001, final_ratio: float = 0.01, warmup_epochs: int = 0) -> None: ...

    @property
    def kind(self) -> str: ...

    @property
    def base(self) -> float: ...

    @property
    def final_ratio(self) -> float: ...

    @property
    def warmup_epochs(self) -> int: ...

    def __repr__(self) -> str: ...

    def __getstate__(self) -> dict: ...

    def __setstate__(self, arg: dict, /) -> None: ...

def learning_rate(schedule: Schedule, epoch: int, epochs: int) -> float:
    """
    The rate of epoch 0, ..., epochs - 1. InvalidArgument for a base or ratio that is not positive and finite.
    """

class Evaluation:
    """
    The mean loss of some samples, and its gradient for each Parameter: what optimizers are told.
    """

    def __init__(self, loss: float, gradients: Sequence) -> None: ...

    @property
    def loss(self) -> float: ...

    @property
    def gradients(self) -> list:
        """One array a Parameter, in order."""

def mean_over_batch(outputs: Sequence, report: object | None = None) -> Evaluation:
    """
    The Evaluation of a batch, from what a Program of value_and_grad gave.

    outputs  of program(...): each sample's loss, then gradients summed over the batch.
    report   of program.run(...), from which a history has its counts: mean_over_batch(*program.run(x)).
    """

class StepResult:
    """What a step of an optimizer did."""

    @property
    def loss(self) -> float:
        """Before the step."""

    @property
    def gradient_norm(self) -> float:
        """Before clipping."""

    @property
    def was_skipped(self) -> bool:
        """
        Loss or gradient were not finite, or L-BFGS found no lower point: nothing was changed.
        """

    @property
    def report(self) -> dict:
        """As that of Program.run, of all evaluations."""

class Optimizer:
    """
    Changes Parameters step by step, for a loop of your own.

    parameters  a Parameter, a list of them, or a net.
    options     OptimizerOptions; Adam if left out.
    """

    def __init__(self, parameters: object, options: OptimizerOptions = ...) -> None: ...

    def step(self, evaluate: Callable, learning_rate: float) -> StepResult:
        """
        One step along the gradient.

        evaluate       gives the Evaluation at the Parameters' current values; it is called once, by L-BFGS once more for each point of its
                       line search.
        learning_rate  the length of the step, in the optimizer's own sense.

        ShapeError if the gradients are not one a Parameter, shaped like it.
        """

    def state(self) -> dict:
        """
        All that the next step depends on besides the Parameters: a dict of arrays, for save.
        """

    def set_state(self, state: dict) -> None:
        """
        Goes on from a state. DataError if it is not that of such an optimizer.
        """

def loss_sum(loss: str, prediction: object, target: object, mask: object) -> Array:
    """
    Inside a trace: the sum of a loss over the cells where the mask is not 0, a scalar.

    loss  'mse', 'mae', or 'huber': d^2 / 2 up to |d| = 1, |d| - 1/2 beyond (Huber 1964).

    The three arrays have one shape. Where the mask is 0, prediction and target may be NaN; neither value nor gradient sees them.
    """

class ConstrainedMinimum:
    """Where minimize_constrained came to."""

    @property
    def x(self) -> numpy.ndarray:
        """The point, shaped like x0."""

    @property
    def equations(self) -> numpy.ndarray:
        """Their values there."""

    @property
    def limits(self) -> numpy.ndarray:
        """Their values there."""

    @property
    def equation_multipliers(self) -> numpy.ndarray:
        """What a unit of each equation is worth, in units of the objective."""

    @property
    def limit_multipliers(self) -> numpy.ndarray:
        """The same of the limits; 0 of those that do not matter."""

    @property
    def violation(self) -> float:
        """How far the constraints are from being kept."""

    @property
    def rounds(self) -> int:
        """Rounds of L-BFGS."""

    @property
    def steps(self) -> int:
        """Steps of all rounds."""

    def __repr__(self) -> str: ...

def minimize_constrained(objective: Callable, x0: object, *, equations: Callable | None = None, limits: Callable | None = None, rounds: int = 20, violation: float = 1e-08, penalty: float = 10.0, penalty_growth: float = 5.0, steps: int = 100, history: int = 30) -> ConstrainedMinimum:
    """
    The lowest point of objective(x) where equations(x) = 0 and limits(x) <= 0, by the augmented Lagrangian and L-BFGS.

    objective  gives a number; equations and limits give vectors; all are callables on a costate Array of x0's shape.
    x0         where the search begins.
    rounds     at most so many, each of at most `steps` steps of L-BFGS that keeps `history` pairs, until the constraints are
               kept within `violation`. penalty is the first penalty, and grows by penalty_growth where a round leaves more
               than a quarter of the violation.

    Whether it came to a point that keeps the constraints is what the result's `violation` tells. (Nocedal and Wright 2006,
    Numerical Optimization, 17.3 and 17.4.)

    >>> import costate, numpy as np
    >>> found = costate.minimize_constrained(lambda x: x[0] + x[1], [1.0, 0.5], equations=lambda x: costate.stack([x[0] ** 2 + x[1] ** 2 - 2]))
    >>> bool(np.allclose(found.x, [-1, -1], atol=1e-6))
    True
    """

class TrainResult:
    """What training did."""

    @property
    def history(self) -> dict:
        """One array a column, one number an epoch."""

    @property
    def best_epoch(self) -> int:
        """
        Of the weights that were kept: that whose loss was lowest, or the last; -1 if none had a finite loss.
        """

    @property
    def best_loss(self) -> float: ...

    @property
    def reason(self) -> str:
        """
        Why it ended: 'epochs', 'patience', 'asked' or, of the polish, 'converged'.
        """

    def __repr__(self) -> str: ...

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple, /) -> None: ...

def train(parameters: object, num_samples: int | None, evaluate: Callable, validate: Callable | None = None, *, epochs: int = 100, batch: int = 0, seed: int = 0, optimizer: OptimizerOptions = OptimizerOptions(), schedule: Schedule = Schedule(), keep: str = 'best', polish: int = 0, patience: int = 0, checkpoint: str | os.PathLike = '', checkpoint_seconds: float = 2.0, fingerprint: str = '', resume: bool = False, on_epoch: Callable | None = None, should_stop: Callable | None = None) -> TrainResult:
    """
    Trains Parameters on a loss of samples, in epochs of shuffled batches; they end at the best weights, or at the last.

    parameters           a Parameter, a list of them, or a net.
    num_samples          how many there are. None: a stream without end, of which an epoch is one step.
    evaluate             called with the numbers of a step's samples, an array of integers; of a stream, with the number of the
                         step, by which it draws fresh samples. Gives an Evaluation.
    validate             called after each epoch; gives the loss that decides which weights are best. None: the training loss;
                         of a stream, the last weights count.
    epochs               how many, without those of polish.
    batch                samples a step; 0: all.
    seed                 of the order of the samples. Equal seeds give equal bits.
    optimizer, schedule  OptimizerOptions and a Schedule.
    keep                 the weights that it ends at: 'best', of the epoch with the lowest loss, or 'last'.
    polish               further epochs of L-BFGS on all samples, which reaches minima that Adam circles.
    patience             stop after this many epochs without a better loss; 0: never.
    checkpoint           path of a file that is written at least every checkpoint_seconds, and at the end; '': none.
    fingerprint          a text that says what is trained; a checkpoint of another one is refused.
    resume               go on from the checkpoint if there is one, to the same bits as without the break.
    on_epoch             called after each epoch with a dict of the columns of the history.
    should_stop          called after each epoch; training ends if it gives True.

    Gives a TrainResult. Ctrl-C, and whatever a callback raises, ends it: the Parameters are left as they are then, and the checkpoint
    is the last one written.

    >>> import costate, numpy as np
    >>> slope = costate.Parameter("slope", 0.0)
    >>> x = np.linspace(0, 1, 20)
    >>> loss = costate.trace(lambda x, y: costate.square(slope * x - y), {"x": (), "y": ()})
    >>> program = costate.compile(costate.value_and_grad(loss, wrt=slope))
    >>> evaluate = lambda rows: costate.mean_over_batch(*program.run(x[rows], 3 * x[rows]))
    >>> result = costate.train(slope, 20, evaluate, epochs=5, polish=5)
    >>> bool(abs(slope.value - 3) < 1e-6)
    True
    """

class TrajectoryWindows:
    """
    Stretches of trajectories, for fit_trajectories.

    times      [time], the same for all, or [window, time].
    states     [window, time, state]; the first ones are the starts.
    arguments  of the field, one a window: [window, ...] each.
    """

    def __init__(self, times: object, states: object, arguments: Sequence = ()) -> None: ...

    @property
    def times(self) -> numpy.ndarray: ...

    @property
    def states(self) -> numpy.ndarray: ...

    @property
    def arguments(self) -> list: ...

def cut_windows(states: object, spacing: float, *, length: int = 20, stride: int = 0) -> TrajectoryWindows:
    """
    Windows of trajectories that were sampled at even times; the times of each window begin at 0.

    states   [trajectory, time, state].
    spacing  the time from one sample to the next.
    length   samples of a window.
    stride   samples from one window's start to the next; 0: length - 1, so that ends meet.

    InvalidArgument if a trajectory is shorter than a window.
    """

class MappedWindows:
    """
    Windows of trajectories in a file that may be larger than memory.

    A batch's windows are read from the disk when it is trained on; epochs go through the file by stretches of some megabytes.
    """

    def __init__(self, path: str | os.PathLike, spacing: float, name: str = '', *, length: int = 20, stride: int = 0) -> None:
        """
        path     of a .npy file [trajectory, time, state] or [time, state] of float32 or float64, or of a .npz file that stores it.
        spacing  the time from one sample to the next.
        name     of the array in a .npz file.
        length, stride  as in cut_windows.
        """

    def __len__(self) -> int: ...

    @property
    def times(self) -> numpy.ndarray: ...

def fit_trajectories(field: object, parameters: object, windows: TrajectoryWindows | MappedWindows, *, dtype: object = 'f64', device: str = 'cpu', epochs: int = 100, batch: int = 0, seed: int = 0, optimizer: OptimizerOptions = OptimizerOptions(), schedule: Schedule = Schedule(), keep: str = 'best', polish: int = 0, patience: int = 0, checkpoint: str | os.PathLike = '', checkpoint_seconds: float = 2.0, fingerprint: str = '', resume: bool = False, on_epoch: Callable | None = None, should_stop: Callable | None = None, method: str = 'dopri5', rtol: float | Sequence[float] = 1e-06, atol: float | Sequence[float] = 1e-08, rtols: Sequence[float] = [], atols: Sequence[float] = [], error_norm: str = 'rms', first_step: float = 0.0, min_step: float = 0.0, at_min_step: str = 'fail', max_step: float = 0.0, stop_at: Sequence[float] = [], mass_matrix: object = [], nonnegative: Sequence[float] = [], step_size: float = 0.0, steps_per_interval: int = 0, max_steps: int = 100000, control: str = 'per_sample', adjoint: str = 'discrete', adjoint_rtol: float = 0.0, adjoint_atol: float = 0.0, gradient_steps: str = 'auto', memory_budget: int = 268435456, safety: float = 0.9, factor_min: float = 0.2, factor_min_accepted: float = 0.2, factor_rejected: float = 0.8, factor_rejected_again: float = 0.5, factor_max: float = 10.0, factor_max_after_reject: float = 1.0, beta1: float = 0.85, beta2: float = -0.2, beta3: float = 0.0, previous_floor: float = 0.01, first_step_rule: str = 'method') -> TrainResult:
    """
    Trains Parameters on windows of trajectories: the mean square difference of a solve from each window's first state to
    its further states. A window whose solve fails makes its step's loss NaN, and the step is skipped. For noisy starts, units and
    hold-outs see fit.

    field       f(t, z, ...) on Arrays, or a VectorField; it takes the windows' arguments behind z.
    parameters  a Parameter, a list of them, or a net.
    windows     from cut_windows, TrajectoryWindows of your own, or MappedWindows of a file larger than memory.
    dtype       'f64' or 'f32', in which it computes.
    device      'cpu'; or 'cuda', experimental, with gradient_steps='off': where the solves run (docs/gpu.md).
    epochs               how many, without those of polish.
    batch                samples a step; 0: all.
    seed                 of the order of the samples. Equal seeds give equal bits.
    optimizer, schedule  OptimizerOptions and a Schedule.
    keep                 the weights that it ends at: 'best', of the epoch with the lowest loss, or 'last'.
    polish               further epochs of L-BFGS on all samples, which reaches minima that Adam circles.
    patience             stop after this many epochs without a better loss; 0: never.
    checkpoint           path of a file that is written at least every checkpoint_seconds, and at the end; '': none.
    fingerprint          a text that says what is trained; a checkpoint of another one is refused.
    resume               go on from the checkpoint if there is one, to the same bits as without the break.
    on_epoch             called after each epoch with a dict of the columns of the history.
    should_stop          called after each epoch; training ends if it gives True.

    The keywords of solve, such as method, rtol and adjoint, are taken, too. Gives a TrainResult. Ctrl-C ends it.
    """

class LabelledInputs:
    """
    Inputs, and the class of each, for fit_classifier.

    inputs  [sample, ...].
    labels  [sample]: whole numbers 0, 1, ...
    """

    def __init__(self, inputs: object, labels: object) -> None: ...

    @property
    def inputs(self) -> numpy.ndarray: ...

    @property
    def labels(self) -> numpy.ndarray:
        """As integers."""

    def __len__(self) -> int: ...

class ImageSet:
    """Images to train on and images to test with, as LabelledInputs."""

    @property
    def train(self) -> LabelledInputs: ...

    @property
    def test(self) -> LabelledInputs: ...

def read_image_set(folder: str | os.PathLike) -> ImageSet:
    """
    The ImageSet of a folder with the files of MNIST and Fashion-MNIST (IDX form, with .gz behind them or not) or of CIFAR-10
    (binary form). Inputs are [image, channel, row, column] in f32, numbers 0, ..., 255.

    IoError if a file is missing; DataError if one does not hold what its name says.
    """

def augmented(images: object, numbers: object, epoch: int, *, shift: int = 4, flip: bool = False, seed: int = 0) -> numpy.ndarray:
    """
    Images as they might as well have been taken: shifted a little, or mirrored, anew in each epoch.

    images   [image, channel, row, column], such as those of a step of training.
    numbers  of the images in their set: an integer for each.
    epoch    of the training. What happens to an image depends on the seed, the epoch and its number alone, so that a training
             that resumes sees the same.
    shift    pixels, at most, up or down and left or right; zeros come in at the edge.
    flip     whether every second image, on average, is mirrored left to right.
    seed     of what is drawn.

    >>> import costate, numpy as np
    >>> images = np.arange(24.0).reshape(2, 1, 3, 4)
    >>> costate.augmented(images, [0, 1], epoch=0, shift=1).shape
    (2, 1, 3, 4)
    """

def fit_classifier(logits: Callable, parameters: object, data: LabelledInputs, inputs: Callable | None = None, held: LabelledInputs | None = None, *, dtype: object = 'f32', epochs: int = 100, batch: int = 0, seed: int = 0, optimizer: OptimizerOptions = OptimizerOptions(), schedule: Schedule = Schedule(), keep: str = 'best', polish: int = 0, patience: int = 0, checkpoint: str | os.PathLike = '', checkpoint_seconds: float = 2.0, fingerprint: str = '', resume: bool = False, on_epoch: Callable | None = None, should_stop: Callable | None = None) -> TrainResult:
    """
    Trains a classifier on the mean of -log softmax(logits)[class]; where a solve is in it, too. It ends at the best weights, or at
    the last.

    logits      a callable, such as a net: inside a trace, from one sample's input to an Array [classes], the largest number for the
                class that it finds.
    parameters  a Parameter, a list of them, or a net.
    data        LabelledInputs.
    inputs      called with the numbers of a step's samples, an array of integers, and the epoch; gives what is trained on in place of
                their inputs, [sample, ...], as by augmented. A training resumes to the bit if it depends on these alone.
    held        other LabelledInputs: after an epoch, the share of them that is misclassified is its validation_loss, which decides
                on the best weights. With keep='last' it only watches, so that they may be those of a test.
    dtype       'f32' or 'f64', in which it computes.
    epochs               how many, without those of polish.
    batch                samples a step; 0: all.
    seed                 of the order of the samples. Equal seeds give equal bits.
    optimizer, schedule  OptimizerOptions and a Schedule.
    keep                 the weights that it ends at: 'best', of the epoch with the lowest loss, or 'last'.
    polish               further epochs of L-BFGS on all samples, which reaches minima that Adam circles.
    patience             stop after this many epochs without a better loss; 0: never.
    checkpoint           path of a file that is written at least every checkpoint_seconds, and at the end; '': none.
    fingerprint          a text that says what is trained; a checkpoint of another one is refused.
    resume               go on from the checkpoint if there is one, to the same bits as without the break.
    on_epoch             called after each epoch with a dict of the columns of the history.
    should_stop          called after each epoch; training ends if it gives True.

    Gives a TrainResult, whose history has the share of the training samples that was misclassified, each at the weights before
    its step. Ctrl-C, and whatever a callback raises, ends it.

    >>> import costate
    >>> points, classes = costate.concentric_circles(300, seed=1)
    >>> net = costate.Mlp(2, [16], 2, activation="relu", seed=1)
    >>> rings = costate.LabelledInputs(points, classes.argmax(axis=1))
    >>> result = costate.fit_classifier(net, net, rings, epochs=30, batch=32, schedule=costate.Schedule(base=0.02))
    >>> bool(result.history["misclassified"][-1] < 0.02)
    True
    """

class Fit:
    """A fitted model of a time series."""

    def __getstate__(self) -> tuple: ...

    def __setstate__(self, arg: tuple, /) -> None: ...

    @property
    def errors(self) -> dict:
        """
        Errors of the forecast of all that was held out: the neural ODE and its rivals.
        """

    @property
    def verdict(self) -> str:
        """
        Relative errors by how far ahead, beside the rivals', and in words whether to use the model; '' if nothing was held
        out.
        """

    @property
    def chosen(self) -> str:
        """The form of the model that was chosen."""

    @property
    def summary(self) -> str:
        """
        What the samples were for, the form that was chosen and the verdict, as `costate fit` prints them.
        """

    def __repr__(self) -> str: ...

    @property
    def history(self) -> dict:
        """What training did: one array a column, one number an epoch."""

    def report(self, path: str | os.PathLike) -> None:
        """
        Writes the report of `costate fit`, one HTML file: pictures, errors, training, options.
        """

    def plot(self, run: object | None = None, axes: object | None = None) -> object:
        """
        Draws data, fit and the forecast of what was held out, over time, by matplotlib.

        run     name of the trajectory; None: the first one of which something was held out.
        axes    one of matplotlib's Axes for each state, to draw into; None: new ones, one above the other.

        Gives an array of Axes, one a state.
        """

    @property
    def parameters(self) -> list[Parameter]: ...

    def predict(self, start: object, times: object, input_times: object | None = None, inputs: object | None = None, covariates: object | None = None) -> numpy.ndarray:
        """
        States [time, state] from `start` at times[0], in the data's units; NaN from where the model blows up.

        start   [state] measured states, and hidden ones after them if they are known; else these are as at the start of a trajectory.
        times   [time], numbers as in the data; dates, or days or seconds since the earliest of the fit, where the data have dates.
        input_times, inputs  [input time] and [input time, input], if the model has inputs.
        covariates  [covariate]
        """

    def slopes(self, states: object) -> numpy.ndarray:
        """
        The learned rate of change at each state [n, state], in the data's units; inputs are at their mean.
        """

    def field(self, t: object, z: object, inputs: object | None = None) -> Array:
        """
        Inside a trace: the learned rate of change at one state [state] in the data's units, so that
        costate.solve(model.field, z0, times) goes on with a fit. The time is not read. Inputs [input] are at their mean if left out.
        """

    def save(self, path: str | os.PathLike) -> None:
        """Writes the model as safetensors, for costate.load."""

    def forecast(self, until: object | None = None, *, steps: int | None = None, at: object | None = None, data: object | None = None, starts: object | None = None, inputs: object | None = None, inputs_ahead: str | None = None) -> Any:
        """
        Runs the model on from where its data end, as `costate forecast` does.

        until   the last time: a number, or a date (text, datetime, NumPy's or pandas') where the data have dates.
        steps   or so many samples, at the spacing of the data.
        at      starts at the last sample up to this time instead, in `data` or in the data of the fit.
        data    starts at the last measured sample of these; what it lacks is estimated from those before. Rows behind it, of inputs
                alone, give times to forecast.
        starts  or at each row of these, or each trajectory.
        inputs  inputs and events over the time of the forecast.
        inputs_ahead  what is taken for inputs behind the last known one: 'hold', or 'repeat' those of a period before.

        data, starts and inputs are what fit_table takes, in the columns of the fit: a DataFrame, a dict of columns or a path. Those of a
        fit of arrays are t, z0, z1, …, u0, u1, …, c0, c1, …, unless pandas gave them names, and run where there were several.

        Gives a Forecast: times, states and outside of each trajectory, notes, and to_frame() for pandas.
        """

    def export(self, path: str | os.PathLike, *, to: str, prefix: str | None = None, dtype: str = 'f64', math: str = 'libm', vjp: bool = False, steps: int = 0, member: int = 1) -> None:
        """
        Writes the model as source for other places, as `costate export` does. What is there must be an earlier export.

        path    the file.
        to      'c': one C99 header with the solver inside; 'python': a module that needs NumPy alone; 'onnx';
                'torch': a module to be trained further, with its weights beside it as NAME.safetensors; 'fmu' and
                'fmu3': for simulators, of FMI 2.0 and 3.0.
        prefix  what names begin with; None: the file's own name.
        dtype   'f64' or 'f32'.
        math    of C: exp, tanh and their like from the C library ('libm'), or written out ('builtin').
        vjp     of C: also the vector-Jacobian product of the rate.
        steps   of ONNX: a solve of so many fixed steps; 0: the rate of change alone.
        member  which of the models of a fit with several seeds, from 1 on.
        """

def fit_table(data: object, *, judge: object | None = None, out: object | None = None, existing: str = 'refuse', progress: object | None = None, device: str = 'cpu', time: float | str = '', states: float | str | Sequence[float | str] = [], inputs: float | str | Sequence[float | str] = [], covariates: float | str | Sequence[float | str] = [], events: float | str | Sequence[float | str] = [], trajectory: float | str = '', delay: int = 0, lag: int = 1, hold_out: float | str = 0.2, validation: float = 0.2, time_format: float | str = '', step: float = 0.0, rate: float = 0.0, quantity: float | str = '', value: float | str = '', names: float | str | Sequence[float | str] = [], skip: int = 0, missing: float | str | Sequence[float | str] = [], hidden: Sequence[int] = [0], memory: str = 'auto', clock: float | str | Sequence[float | str] = ['auto'], activation: str = 'tanh', interpolation: str = 'linear', method: str = 'dopri5', rtol: float = 0.0001, atol: float = 1e-05, adjoint: str = 'discrete', gradient_steps: str = 'auto', loss: str = 'mse', window: int = 0, max_windows: int = 0, optimizer: str = 'adam', learning_rate: float = 0.01, epochs: int = 0, polish: int = -1, patience: float = -1.0, max_growth: float = 50.0, batch: int = 0, minutes: float = 0.0, seed: int = 0, seeds: int = 1) -> Fit:
    """
    Fits a neural ODE to the columns of a table, as `costate fit` does: with the same options it gives the same bits.

    data        a DataFrame (of pandas, or with columns as it has them), a dict of columns, an xarray Dataset, or the path of a file: .csv,
                .gz, .npy, .npz and others as of `costate fit`, and .parquet, .feather, .arrow and .xlsx, which pandas reads.
    judge       such data that are the test, instead of a part of `data`.
    out         a run folder to write, as that of `costate fit --out`: data must be a path. costate.Run(out) reads it, and so does the
                command line. None: nothing is written.
    existing    what becomes of a run that is in `out`: 'refuse', 'replace', or 'resume', to go on with it to the same bits.
    time        column of times, numbers or dates; 'Date,Time' for two. A frame's index is the times if it has a name or dates and
                neither time, step nor rate is given.
    states      columns of the state; empty cells are left out of the loss.
    inputs      columns of inputs that drive the system.
    covariates  columns of constants of a trajectory: a dose, a weight.
    events      columns of what enters at a row's time: 'dose', 'dose:rate' or 'dose:duration'. An empty cell is none.
    trajectory  column that tells trajectories apart; 'site,visit' for two.
    quantity, value  of a long table: the columns of what a row measured and of its number; states and inputs then name quantities.
    step, rate  time between rows, or rows in a unit of time, for data without times.
    time_format form of dates as text, where the column does not tell it: '%d/%m/%Y %H:%M'.
    missing     cells that mean missing: [-999, 'n/a']; '<' for all below a limit of detection; 'none' to look for no codes.
    names       of all columns, for data that have none.
    skip        lines before the header of a file or a sheet.

    hold_out                 what judges the model and has no say in training: a share (the end of one trajectory, the last ones of several);
                             't=40' or a date, all from a time on; '0,3', trajectories by their place in the lists, or their names in a table.
    validation               share of the rest by which model and weights are chosen; 0 keeps the last weights.
    memory                   hidden states, for what the measured ones do not tell: 'auto', 'none' or a number as a string.
    clock                    periods that the system follows: 'day', 'week', 'year' where times are dates, or numbers in units of time;
                             'time' is the time itself, 'auto' finds a period, 'none' is none.
    delay, lag               so many earlier samples, each lag samples before the next, join each state: another memory, for evenly
                             spaced times.
    hidden, activation       the net: widths of its layers ([0]: chosen, []: a linear ODE), and what stands between them.
    interpolation            of the inputs between samples: 'linear', 'hold' or 'cubic'.
    method, rtol, atol       of the solves, as in solve; adjoint and gradient_steps, too.
    loss                     'mse', or another name that the message of an unknown one lists.
    window, max_windows      samples of a window, and how many windows are trained on at most; 0: chosen.
    optimizer, learning_rate, epochs, batch  of the training; epochs 0: chosen; batch: windows a step, 0 for 64.
    polish                   the last of the epochs, by L-BFGS; -1: a fifth of them.
    patience                 share of the polish, or of all epochs if there is none, without a better validation error after which a training
                             ends; 0: it does not; -1: half of it, and 0 where epochs are given.
    max_growth               times the evaluations of the first epoch, from which on one counts as several for patience.
    minutes                  after which training ends with the best so far; 0: no limit. Time makes bits depend on the machine.
    seed                     of the weights and the order of the windows. Equal seeds give equal bits.
    seeds                    models of other first weights that are trained beside; two or more give a forecast bands.
    progress                 True shows a line that is redrawn, also in notebooks; or a callable, which gets a dict after each epoch: model,
                             epoch, epochs, is_trial, loss, validation_loss, nfe_forward, nfe_backward, seconds. What it raises ends the fit.
    device                   'cpu'; or 'cuda', experimental: the solves that train run on a card, with gradient_steps='off' (docs/gpu.md).

    Index levels of a frame that have names are columns, too. Dates with a time zone are read in UTC. Rows of the same time are repeated
    measurements. Line 1 of a table, in messages, is its first row. Gives a Fit, as costate.fit does.

    >>> import costate, numpy as np
    >>> times = np.linspace(0, 6, 61)
    >>> table = {"hours": times, "x": np.cos(times), "v": -np.sin(times)}
    >>> model = costate.fit_table(table, time="hours", states=["x", "v"], hidden=[], memory="none", clock="none", epochs=100, polish=50)
    >>> model.forecast(steps=10).states[0].shape
    (11, 2)
    """

def fit(times: object, states: object, inputs: object | None = None, covariates: object | None = None, *, progress: object | None = None, device: str = 'cpu', delay: int = 0, lag: int = 1, hold_out: float | str = 0.2, validation: float = 0.2, missing: float | str | Sequence[float | str] = [], hidden: Sequence[int] = [0], memory: str = 'auto', clock: float | str | Sequence[float | str] = ['auto'], activation: str = 'tanh', interpolation: str = 'linear', method: str = 'dopri5', rtol: float = 0.0001, atol: float = 1e-05, adjoint: str = 'discrete', gradient_steps: str = 'auto', loss: str = 'mse', window: int = 0, max_windows: int = 0, optimizer: str = 'adam', learning_rate: float = 0.01, epochs: int = 0, polish: int = -1, patience: float = -1.0, max_growth: float = 50.0, batch: int = 0, minutes: float = 0.0, seed: int = 0, seeds: int = 1) -> Fit:
    """
    Fits a neural ODE z' = net(z, u(t)) to measured time series.

    times   [samples], increasing: numbers or dates (datetime64, datetime, ISO 8601, a DatetimeIndex). For several trajectories a list,
            whose lengths may differ, or [trajectory, samples], or times that all share.
    states  [samples, state], or [samples] for one; NaN where nothing was measured. Several: a list, or [trajectory, samples, state].
    inputs  [samples, input] that drive the system, or [samples] for one; several as states.
    covariates  [trajectory, covariate]: constants of each trajectory, such as a dose or a weight; or [trajectory] for one.
    missing  numbers that mean missing in states: [-999]; 'none' to keep what looks like such a code.

    DataFrames and Series in place of arrays give names.

    hold_out                 what judges the model and has no say in training: a share (the end of one trajectory, the last ones of several);
                             't=40' or a date, all from a time on; '0,3', trajectories by their place in the lists, or their names in a table.
    validation               share of the rest by which model and weights are chosen; 0 keeps the last weights.
    memory                   hidden states, for what the measured ones do not tell: 'auto', 'none' or a number as a string.
    clock                    periods that the system follows: 'day', 'week', 'year' where times are dates, or numbers in units of time;
                             'time' is the time itself, 'auto' finds a period, 'none' is none.
    delay, lag               so many earlier samples, each lag samples before the next, join each state: another memory, for evenly
                             spaced times.
    hidden, activation       the net: widths of its layers ([0]: chosen, []: a linear ODE), and what stands between them.
    interpolation            of the inputs between samples: 'linear', 'hold' or 'cubic'.
    method, rtol, atol       of the solves, as in solve; adjoint and gradient_steps, too.
    loss                     'mse', or another name that the message of an unknown one lists.
    window, max_windows      samples of a window, and how many windows are trained on at most; 0: chosen.
    optimizer, learning_rate, epochs, batch  of the training; epochs 0: chosen; batch: windows a step, 0 for 64.
    polish                   the last of the epochs, by L-BFGS; -1: a fifth of them.
    patience                 share of the polish, or of all epochs if there is none, without a better validation error after which a training
                             ends; 0: it does not; -1: half of it, and 0 where epochs are given.
    max_growth               times the evaluations of the first epoch, from which on one counts as several for patience.
    minutes                  after which training ends with the best so far; 0: no limit. Time makes bits depend on the machine.
    seed                     of the weights and the order of the windows. Equal seeds give equal bits.
    seeds                    models of other first weights that are trained beside; two or more give a forecast bands.
    progress                 True shows a line that is redrawn, also in notebooks; or a callable, which gets a dict after each epoch: model,
                             epoch, epochs, is_trial, loss, validation_loss, nfe_forward, nfe_backward, seconds. What it raises ends the fit.
    device                   'cpu'; or 'cuda', experimental: the solves that train run on a card, with gradient_steps='off' (docs/gpu.md).

    What is left open (widths, memory, clock, window, epochs) is chosen by forecasts of a validation part, the last fifth of what is
    trained on. Gives a Fit: its verdict on whether to use it, forecast(until), plot(), report(path), predict(start, times), slopes(states), field for
    solves of your own, errors, history, save. Ctrl-C ends it. For tables, files and doses, see fit_table. For a field or a loss of your own, see trace, solve and value_and_grad.

    >>> import costate, numpy as np
    >>> times = np.linspace(0, 6, 61)
    >>> model = costate.fit(times, np.stack([np.cos(times), -np.sin(times)], axis=1), hidden=[], memory='none', epochs=100, polish=50)
    >>> model.predict([1.0, 0.0], [0.0, 0.5]).shape
    (2, 2)
    """

def save(path: str | os.PathLike, what: object) -> None:
    """
    Writes numbers to a safetensors file.

    path    of the file, which is replaced.
    what    a Parameter, a list of Parameters, a net (its Parameters by their names), a Fit, or a dict of arrays and
            Parameters by names of your own.

    The file has arrays of F32 and of F64. Those of integers, True and False, or other floats are written as F64 with their
    dtype in the metadata, so that load gives them back as they were; DtypeError if F64 cannot hold them exactly, as integers
    beyond 2**53.

    >>> import costate, tempfile, os
    >>> net = costate.Mlp(2, [8], 2, seed=1)
    >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
    >>> costate.save(path, net)
    >>> same = costate.load(path, into=costate.Mlp(2, [8], 2))
    >>> bool((same.parameters[0].value == net.parameters[0].value).all())
    True
    """

def load(path: str | os.PathLike, into: object | None = None) -> Any:
    """
    Reads a safetensors file.

    path    of the file.
    into    a Parameter, a list of Parameters or a net, whose values are set by their names and which is given back. Nothing
            is set if one is missing in the file or has another shape.

    Without `into`: a Fit, if Fit.save or `costate fit` wrote the file (its errors and history are empty); else a dict of NumPy
    arrays.
    """

def load_state_dict(into: object, state: dict) -> object:
    """
    Sets Parameters from a state dict of PyTorch, and gives back `into`.

    into    a net, or a list of Parameters. Layers have the shapes of PyTorch's: Linear, Conv1d, Conv2d, GroupNorm, LayerNorm.
    state   model.state_dict(), or any dict of arrays. Entries are taken in their order, by shape and the last part of their
            names, such as 'weight', since the rest is named otherwise. For files of your own names, use load(path, into=net).

    DataError, and nothing is set, unless entries and Parameters agree.
    """

def state_dict(what: object, names: object | None = None) -> dict:
    """
    The values of Parameters as a dict of NumPy arrays, for a model of PyTorch.

    what    a net, or a list of Parameters.
    names   in their order; their own if left out. With those of PyTorch's model, the dict becomes its state dict:

        state = costate.state_dict(net, model.state_dict())
        model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    """

def simd_target() -> str:
    """The instruction set whose kernels run on this machine."""

def set_num_threads(threads: int) -> None:
    """
    Threads that solves and fits use from now on; 0 for all cores. Results do not depend on it.
    """

def num_threads() -> int:
    """Threads in use."""
