"""Elementwise functions that the core has no operation for, to relative accuracy of the precision that a program computes in."""

import math

from costate import _core

# log(erfc(z) exp(z²) / t) at t = 2 / (2 + z), as Chebyshev's series in 2 t - 1: Numerical Recipes, 3rd edition, 6.2.2. Computed with 40
# digits at 64 nodes; the terms after these are less than 1e-18.
_ERFC = (-1.3026537197817094, 0.6419697923564902603, 0.019476473204185836312, -0.0095615147868086316419, -0.0009465953444820368663,
         0.00036683949785276145187, 0.000042523324806907771645, -0.000020278578112534243154, -1.6242900046470255135e-6, 1.3036558355805232018e-6,
         1.5626441722066143178e-8, -8.5238095914926542525e-8, 6.5290544390488514964e-9, 5.0593434955514689418e-9, -9.9136415649303308674e-10,
         -2.2736512229318358557e-10, 9.646791102015526802e-11, 2.3940380830391147447e-12, -6.8860275264975533984e-12, 8.9448792730907257167e-13,
         3.1309213993429580783e-13, -1.1270822361367252366e-13, 3.8109052551892320552e-16, 7.1060976136092369878e-15, -1.5230282014571043043e-15,
         -9.4574945712912340005e-17, 1.2102371892242789923e-16, -2.8166630877471769718e-17)


def _chebyshev(coefficients, y):
    """The sum of coefficients[j] T_j(y), the first halved, by Clenshaw's recurrence."""
    one, two = coefficients[-1], 0.0
    for coefficient in coefficients[-2:0:-1]:
        one, two = 2 * y * one - two + coefficient, one
    return y * one - two + coefficients[0] / 2


def _odd(function):
    """An odd function of all numbers by what it is from 0 on, with its derivative at 0."""
    return lambda x: _core.where(x < 0, -function(_core.where(x < 0, -x, x)), function(_core.where(x < 0, -x, x)))


def erfc(x):
    still = _core.stop_gradient(x)
    z = _core.abs(still)
    t = 2 / (2 + z)
    tail = t * _core.exp(_chebyshev(_ERFC, 2 * t - 1) - z * z)
    # The derivative is that of 1 - erf(x), which cancels nothing.
    return _core.stop_gradient(_core.where(still < 0, 2 - tail, tail)) - (_core.erf(x) - _core.erf(still))


_LARGE = 1e9  # from here on 1 is nothing beside x², which is not infinite before


def _log_of_twice(x):
    """log(2 x) of a large x; of others something finite, whose derivative times 0 is 0."""
    return _core.log(_core.maximum(x, _LARGE)) + math.log(2)


@_odd
def asinh(x):
    near = _core.minimum(x, _LARGE)
    return _core.where(x > _LARGE, _log_of_twice(x), _core.log1p(near + near * near / (1 + _core.sqrt(near * near + 1))))


def acosh(x):
    near = _core.minimum(x, _LARGE)
    return _core.where(x > _LARGE, _log_of_twice(x), _core.log1p(near - 1 + _core.sqrt(near - 1) * _core.sqrt(near + 1)))


def atanh(x):
    return (_core.log1p(x) - _core.log1p(-x)) / 2


def _of_ties(function):
    """With JAX's derivatives where both are equal, 1/2 each, so that what is smooth there, as the length of a vector, has its own. A constant
    that stands first, as clip writes its limits, has all of it: 0 is right of the numbers beyond, and costs less."""
    return lambda x, y: function(x, y) * 0.5 + function(y, x) * 0.5 if isinstance(x, _core.Array) else function(x, y)


maximum, minimum = _of_ties(_core.maximum), _of_ties(_core.minimum)


def logaddexp(x, y):
    """With its derivatives where both are equal: 1/2 each."""
    found = _core.where(x > y, x + _core.softplus(y - x), y + _core.softplus(x - y))
    return _core.where(_core.equal(x - y, x - y), found, x + y)  # infinities of one sign are no distance apart


def remainder(x, y):
    """x without whole multiples of y, with the sign of x."""
    size = _core.where(y < 0, -y, y)
    return _core.where(x < 0, -_core.mod(_core.where(x < 0, -x, x), size), _core.mod(_core.where(x < 0, -x, x), size))


def truncated(x, least, largest):
    """The integer that a conversion makes of x: toward 0, within the type's numbers, 0 of NaN."""
    whole = _core.where(x < 0, -_core.floor(-x), _core.floor(x))
    return _core.where(_core.equal(x, x), _core.minimum(_core.maximum(whole, least), largest), 0)


def wrapped(x, least, largest):
    """The integer of a type that a wider one becomes: those that it does not hold come in again at its other end."""
    turned = _core.mod(x - least, largest - least + 1) + least
    return _core.where(x < least, turned, _core.where(x > largest, turned, x))


def rounded(x, to_even):
    """The nearest integer; of two that are as near the even one, or the one away from 0."""
    size = _core.where(x < 0, -x, x)
    whole = _core.floor(size)
    up = size - whole >= 0.5
    if to_even:
        up = up - _core.equal(size - whole, 0.5) * (1 - _core.mod(whole, 2.0))
    return _core.where(x < 0, -whole - up, whole + up)
