"""What a field of PyTorch does, as a list of ATen operations: it is run twice on small batches, and both records are compared.

Below autograd, so that a `torch.autograd.grad` inside the field is recorded as the operations that it runs.
"""

import contextlib
import gc
import io
import sys
import warnings

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from costate.torch._trust import is_installed

_READS = (torch.Tensor.numpy, torch.Tensor.tolist, torch.Tensor.__array__, torch.Tensor.__dlpack__)  # numbers that leave PyTorch
_ASKS_MODE = (torch.Tensor.requires_grad.__get__, torch.Tensor.is_leaf.__get__, torch.Tensor.grad_fn.__get__)
_ASKS_INFERENCE = (torch.is_inference_mode_enabled, torch.is_inference, torch.Tensor.is_inference)
_DETACH = (torch.Tensor.detach, torch.detach, torch.Tensor.data.__get__)


class CannotCapture(Exception):
    """Why a field runs through callbacks; the message is a part of explain()'s."""


class Ref:
    """The value of a node's output, or of what came from outside of the record."""

    __slots__ = ("index",)

    def __init__(self, index):
        self.index = index

    def __eq__(self, other):
        return isinstance(other, Ref) and other.index == self.index

    def __hash__(self):
        return hash(("Ref", self.index))


class Node:
    def __init__(self, func, args, kwargs, outputs):
        self.func, self.args, self.kwargs, self.outputs = func, args, kwargs, outputs


class Record(TorchDispatchMode):
    """Values [index] are tensors; nodes name them by Ref. `outside` are those that no node made: parameters and constants."""

    @classmethod
    def _should_skip_dynamo(cls):
        """PyTorch would load its compiler, for a second, to keep it away from __torch_dispatch__; callers keep it away."""
        return False

    def __init__(self, inputs):
        super().__init__()
        self.values, self.nodes, self.outside = [], [], []
        self.stopped = set()  # values through which no gradient flows to what they are made of
        self.codes = {}  # the Python code that ran: {code: its globals}
        self.asks_mode = False  # whether the field's code asks if gradients are on, or if they flow to a tensor
        self._by_identity, self._by_memory = {}, {}
        self.inputs = [self._add(x) for x in inputs]

    def _add(self, tensor):
        index = len(self.values)
        self.values.append(tensor)
        self._by_identity[id(tensor)] = index
        if tensor.numel():
            self._by_memory[self._place(tensor)] = index
        return index

    @staticmethod
    def _place(tensor):
        """Autograd hands on what it has saved as another tensor in the same memory."""
        return tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype

    def index_of(self, tensor):
        found = self._by_identity.get(id(tensor))
        if found is None and tensor.numel():
            found = self._by_memory.get(self._place(tensor))
        if found is None:
            found = self._add(tensor)
            self.outside.append(found)
        return found

    def _refs(self, value):
        if isinstance(value, torch.Tensor):
            return Ref(self.index_of(value))
        if isinstance(value, (list, tuple)):
            return [self._refs(x) for x in value]
        return value

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.name()
        if torch.Tag.nondeterministic_seeded in func.tags and not _is_idle(name, args):
            raise CannotCapture(f"it draws random numbers ({name}), as dropout in training does")
        if torch.Tag.data_dependent_output in func.tags or name in ("aten::item", "aten::_local_scalar_dense"):
            raise CannotCapture(f"it reads a number out of a tensor ({name}), as an if on a value or .item() does")
        if torch.Tag.dynamic_output_shape in func.tags:
            raise CannotCapture(f"the shape of a result depends on numbers ({name})")
        refs, more = self._refs(list(args)), {key: self._refs(value) for key, value in kwargs.items()}
        is_written = func._schema.is_mutable
        if is_written:
            self._check_write(func, args, kwargs)
        result = func(*args, **kwargs)
        made = result if isinstance(result, (list, tuple)) else [result]
        if is_written:
            outputs = [self._rewritten(args[0])]
        else:
            outputs = [self._add(x) if isinstance(x, torch.Tensor) else None for x in made]
        self.nodes.append(Node(func, refs, more, outputs))
        return result

    def _check_write(self, func, args, kwargs):
        """Writing is a computation where the tensor is the record's own, whole, and nothing else looks at its memory."""
        target = args[0] if args else None
        arguments = func._schema.arguments
        only_first = arguments and all((a.alias_info is None or not a.alias_info.is_write) for a in arguments[1:])
        if not isinstance(target, torch.Tensor) or not only_first or func._schema.returns == []:
            raise CannotCapture(f"it writes into tensors ({func.name()})")
        index = self.index_of(target)
        if index in self.outside or index in self.inputs:
            raise CannotCapture(f"it writes into a tensor that it did not make ({func.name()}), as a buffer or its own state")
        memory = target.untyped_storage().data_ptr()
        # The old value is about to be lost.
        self.values[index] = target.detach().clone().requires_grad_(target.requires_grad and target.is_floating_point())
        lookers = sum(1 for x in self.values if x.untyped_storage().data_ptr() == memory and x is not target)
        if lookers:
            raise CannotCapture(f"it writes into a part of a tensor ({func.name()}), as z[:, 0] = … does; use torch.stack or torch.cat")

    def detached(self, tensor):
        """The field's own code has detached it; autograd detaches what it saves, too, and gradients go on from there."""
        index = self._by_identity.get(id(tensor))
        if index is not None:
            self.stopped.add(index)

    def asked(self, func, scope, tensor=None):
        """Code with the globals `scope` asks for the mode that it runs in, or of a tensor; PyTorch's own does the same in each."""
        if is_installed(scope.get("__name__")):
            return
        if func in _ASKS_INFERENCE:
            raise CannotCapture("it asks whether it runs in inference mode")
        if tensor is not None and self._is_outside(tensor):
            raise CannotCapture("it asks whether gradients flow to a tensor that it reads")
        self.asks_mode = True

    def _is_outside(self, tensor):
        index = self._by_identity.get(id(tensor))
        return index is None or index in self.outside

    def find_stopped(self):
        """Besides, what was computed without a graph from what has one: under no_grad, or by autograd.grad without create_graph."""
        flows = [value.requires_grad for value in self.values]
        for node in self.nodes:
            is_detach = node.func.name() == "aten::detach"
            reached = any(flows[ref.index] for ref in refs_of((node.args, node.kwargs)))
            for output in node.outputs:
                if output is None or output in self.stopped or not reached or not self.values[output].is_floating_point():
                    continue
                if is_detach:
                    flows[output] = True
                elif not flows[output]:
                    self.stopped.add(output)

    def _rewritten(self, target):
        """The tensor holds another value from now on."""
        return self._add(target)


class _Detaches(TorchFunctionMode):
    """Tells a Record of what the field detaches, and refuses what takes numbers out of tensors."""

    def __init__(self, recorder):
        super().__init__()
        self.recorder = recorder

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in _READS:
            raise CannotCapture(f"it reads numbers out of a tensor (.{func.__name__})")
        if func in _ASKS_MODE or func in _ASKS_INFERENCE:
            self.recorder.asked(func, sys._getframe(1).f_globals, args[0])
        result = func(*args, **(kwargs or {}))
        if func in _DETACH:
            self.recorder.detached(result)
        return result


def refs_of(value):
    """All Refs in nested lists and dicts."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (list, tuple)):
        for x in value:
            yield from refs_of(x)
    elif isinstance(value, dict):
        for x in value.values():
            yield from refs_of(x)


def _is_idle(name, args):
    """Dropout that drops nothing."""
    return name in ("aten::dropout", "aten::native_dropout") and (args[2] is False or args[1] == 0)


def _is_iterator(value):
    return hasattr(value, "__next__") and not isinstance(value, (io.StringIO, io.BytesIO))


_ENDS = ("release", "__exit__", "close")  # of what another call has begun
_SHOWS_WARNING = warnings._showwarnmsg.__code__


def _check_call(argument, scope, unseen):
    """CannotCapture before a function made in C changes what no trial can put back. `unseen` is {id: object} of such things, `scope` the caller's globals."""
    owner = getattr(argument, "__self__", None)
    if argument is print or owner is sys.stdout or owner is sys.stderr:
        raise CannotCapture("it prints")
    if (argument is warnings.warn or argument is warnings.warn_explicit) and not is_installed(scope.get("__name__")):
        raise CannotCapture("it warns")
    if id(owner) in unseen and argument.__name__ not in _ENDS:
        raise CannotCapture(f"it calls {argument.__name__} of a {type(owner).__module__}.{type(owner).__qualname__}, whose state no check sees")
    if argument is next and not is_installed(scope.get("__name__")) and any(map(_is_iterator, unseen.values())):
        raise CannotCapture("it calls next, and can read an iterator, whose state no check sees")


@contextlib.contextmanager
def _code_seen(recorder, unseen):
    """Tells a Record of the Python code that this thread runs meanwhile. CannotCapture before what _check_call refuses.

    No garbage is collected meanwhile: that runs code which is not the field's, such as what JAX hangs on it when it is imported. A warning of PyTorch's
    is shown, as it would be without a trial, by code which is not the field's either.
    """
    shown = None  # the frame that shows a warning

    def see(frame, event, argument):
        nonlocal shown
        if shown is not None:
            shown = None if event == "return" and frame is shown else shown
        elif event == "call" and frame.f_code is _SHOWS_WARNING:
            shown = frame
        elif event == "call":
            recorder.codes.setdefault(frame.f_code, frame.f_globals)
        elif event == "c_call":
            _check_call(argument, frame.f_globals, unseen)
            if argument is torch.is_grad_enabled or argument in _ASKS_INFERENCE:
                recorder.asked(argument, frame.f_globals)

    before = sys.getprofile()
    collects = gc.isenabled()
    gc.disable()
    sys.setprofile(see)
    try:
        yield
    finally:
        sys.setprofile(None)
        if collects:
            gc.enable()
        if hasattr(before, "enable"):  # cProfile's, which is not called
            before.enable()
        elif before is not None:
            sys.setprofile(before)


def record(func, time, parts, unseen, with_gradients=True):
    """The Record of func(time, parts) and the Refs of its outputs; parts is a tensor or a tuple. `unseen` are objects that it must not call."""
    inputs = [time, *(parts if isinstance(parts, tuple) else [parts])]
    recorder = Record(inputs)
    with torch.set_grad_enabled(with_gradients), _Detaches(recorder), recorder, _code_seen(recorder, unseen):
        result = func(time, parts)
    outputs = result if isinstance(result, (tuple, list)) else [result]
    if isinstance(result, (tuple, list)) is not isinstance(parts, tuple):
        raise CannotCapture("it does not return what its state is, a tensor or a tuple")
    if not all(isinstance(x, torch.Tensor) for x in outputs):
        raise CannotCapture("it does not return tensors")
    found = [recorder.index_of(x) for x in outputs]
    recorder.find_stopped()
    return recorder, found


def does_the_same(found, other):
    """Whether two records, (Record, outputs), compute the same of tensors with the same numbers, whatever they detach."""
    (a, a_outputs), (b, b_outputs) = found, other
    pairs = dict(zip(a.inputs, b.inputs))
    of_a, of_b = ([node for node in record.nodes if node.func.name() != "aten::detach"] for record in (a, b))
    sources_of_a, sources_of_b = _undetached(a), _undetached(b)

    def is_same(x, y):
        if isinstance(x, (list, tuple)):
            return isinstance(y, (list, tuple)) and len(x) == len(y) and all(map(is_same, x, y))
        if not isinstance(x, Ref) or not isinstance(y, Ref):
            return type(x) is type(y) and x == y
        x, y = sources_of_a.get(x.index, x.index), sources_of_b.get(y.index, y.index)
        if x not in pairs and x in a.outside and y in b.outside:
            one, two = a.values[x], b.values[y]
            if one is two or (one.shape == two.shape and one.dtype is two.dtype and torch.equal(one, two)):
                pairs[x] = y
        return x in pairs and pairs[x] == y

    for one, two in zip(of_a, of_b):
        if one.func is not two.func or one.kwargs.keys() != two.kwargs.keys() or not is_same(one.args, two.args):
            return False
        if not is_same(list(one.kwargs.values()), [two.kwargs[key] for key in one.kwargs]):
            return False
        pairs.update(zip(one.outputs, two.outputs))
    return len(of_a) == len(of_b) and is_same(list(map(Ref, a_outputs)), list(map(Ref, b_outputs)))


def _undetached(recorder):
    """{index of a value that was detached: that of the one which it was detached from}."""
    sources = {}
    for node in recorder.nodes:
        if node.func.name() == "aten::detach":
            source = node.args[0].index
            sources[node.outputs[0]] = sources.get(source, source)
    return sources


def has_more_code(codes, known):
    """Whether there is code of the user's that another trial has not run."""
    return any(code not in known and not is_installed(scope.get("__name__")) for code, scope in codes.items())


def operands_of(a, b):
    """Pairs of operands of two nodes of one operation, and whether integers are sizes and places there, and not numbers."""
    kinds = {argument.name: "int" in str(argument.type).lower() for argument in a.func._schema.arguments}
    yield from zip(a.args, b.args, kinds.values())
    for name in a.kwargs:
        yield a.kwargs[name], b.kwargs[name], kinds[name]


def wave_like(x):
    """Cotangents of a trial."""
    return torch.arange(x.numel(), dtype=torch.float64).mul(0.7).add(1).cos().reshape(x.shape).to(x)
