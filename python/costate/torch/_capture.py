"""A field of PyTorch, captured: its operations, what it reads from outside, and whether it acts on each sample alone."""

import numpy as np
import torch

import costate
from costate.torch import _effects
from costate.torch._recorder import CannotCapture, Ref, does_the_same, has_more_code, operands_of, record, refs_of, wave_like
from costate.torch._translate import CREATIONS, VIEWS
from costate.torch._values import BATCHED, FOLDED, SHARED, Mixing, Value, batch_axis, name_of
from costate.torch._watch import Watch

_BATCHES = (3, 2)  # of the two trials by which a batch axis is told from others
_PRODUCTS = ("mm", "addmm", "bmm", "baddbmm")
_TOGETHER = 4.0  # times as much as one of many samples side by side costs what all samples share
_APPLY = torch.autograd.Function.apply.__func__.__code__
_MOST_NUMBERS = 4096  # of a state that is one sample as a whole


class TrialFailed(Exception):
    """The field raised something, on a batch of another size than its own."""


class Capture:
    """Made of two trials of func(t, y). CannotCapture or Mixing if it cannot be had."""

    def __init__(self, func, parts, is_tuple, is_per_sample, span):
        self.func, self.is_tuple, self.is_per_sample, self.span = func, is_tuple, is_per_sample, span
        if isinstance(func, torch.nn.Module) and _effects.own_hooks(func):
            raise CannotCapture("it has hooks")
        before = _effects.Snapshot(func)
        try:
            self._try_twice(parts, before)
            self._compare()
            if len(self.outputs) != len(parts):
                raise CannotCapture("it returns another number of tensors than its state has")
            self._classify()
            self._differentiate()
            self._check_backward()
        finally:
            _effects.restore(before)
        self._find_tensors()
        del self.func, self.after  # the cache refers weakly to the field
        for recorder, _ in self.records:
            recorder.values = [value.detach() for value in recorder.values]

    def _trial_parts(self, parts, trial, count, flows=True):
        """States near y0, other ones in each trial, of `count` samples; gradients flow to them, or not."""
        made = []
        for part in parts:
            part = part.detach()
            if self.is_per_sample:
                part = part[[i % len(part) for i in range(count)]]
            wave = torch.arange(part.numel(), dtype=torch.float64).add(1 + trial).mul(1.7).sin().reshape(part.shape)
            with torch.enable_grad():  # with a graph, and not a leaf, so that the field may write requires_grad_()
                made.append((part + (0.05 + 0.05 * part.abs()) * wave.to(part)).requires_grad_(flows).clone())
        return tuple(made) if self.is_tuple else made[0]

    def _trial_time(self, trial, part):
        start, end = self.span
        return torch.tensor(start + (0.37 + 0.21 * trial) * (end - start), dtype=part.dtype, device=part.device)

    def _try_twice(self, parts, before):
        self.records, snapshots, codes = [], [before], []
        for trial in range(2):
            time = self._trial_time(trial, parts[0])
            self.records.append(self._recorded(self.func, time, self._trial_parts(parts, trial, _BATCHES[trial]), before))
            snapshots.append(_effects.Snapshot(self.func))
            codes.append(self.records[-1][0].codes)
            if trial == 0:
                self.watch = Watch(self.func, codes[0])
        self.after = snapshots[2]
        self._find_counters(snapshots)
        self._check_watch(codes)
        if any(recorder.asks_mode for recorder, _ in self.records):
            self._check_modes(parts)

    def _check_backward(self):
        """CannotCapture if a torch.autograd.Function of the user's changes something in its backward, too."""
        if _APPLY in self.records[0][0].codes:
            names, counters = _effects.changes(self.after, _effects.Snapshot(self.func))
            if names or counters:
                raise CannotCapture(f"its gradient changes {', '.join(dict.fromkeys(names)) or 'a number'}")

    def _find_counters(self, snapshots):
        """What each trial has added to numbers; CannotCapture for other changes."""
        names, counters = _effects.changes(snapshots[0], snapshots[1])
        again, more = _effects.changes(snapshots[1], snapshots[2])
        names += again
        if names:
            raise CannotCapture(f"it changes {', '.join(dict.fromkeys(names))}")
        if [(id(c), k, n) for c, k, n in counters] != [(id(c), k, n) for c, k, n in more]:
            raise CannotCapture("it changes a number in another way than by counting")
        self.counters = counters

    def _check_watch(self, codes):
        """The second trial must have run the code of the first, and changed nothing but counters."""
        self.watch.leave_out((container, key) for container, key, _ in self.counters)
        if not self.watch.is_current():
            raise CannotCapture("it changes Python values that it can read")
        if has_more_code(codes[1], codes[0]):
            raise CannotCapture("it runs other code for other numbers")

    def _check_modes(self, parts):
        """CannotCapture if the field does something else where gradients are off, or do not flow to its state."""
        for with_gradients, flows in ((True, False), (False, False), (False, True)):
            states = self._trial_parts(parts, 0, _BATCHES[0], flows)
            try:
                found = self._recorded(self.func, self._trial_time(0, parts[0]), states, self.after, with_gradients)
            except (Mixing, TrialFailed) as error:
                raise CannotCapture(f"it asks whether gradients are on, and where they are not: {error}") from error
            before, self.after = self.after, _effects.Snapshot(self.func)
            is_same = does_the_same(self.records[0], found) and not has_more_code(found[0].codes, self.records[0][0].codes)
            names, counters = _effects.changes(before, self.after)
            if not is_same or names or counters != self.counters:
                raise CannotCapture("it asks whether gradients are on, and does something else where they are not")

    @staticmethod
    def _recorded(func, time, parts, before, with_gradients=True):
        try:
            return record(func, time, parts, before.unseen, with_gradients)
        except (CannotCapture, Mixing):
            raise
        except Exception as error:  # of the user's code, which callbacks will meet, too, and show
            raise TrialFailed(f"{type(error).__name__} on a trial: {error}") from error

    def _compare(self):
        """Both trials must have done the same but for the size of the batch."""
        first, outputs = self.records[0]
        if not self._is_same(self.records[1], _BATCHES[1]):
            raise Mixing("it does other operations for another number of samples") if self.is_per_sample else CannotCapture(
                "it does other operations for other numbers")
        self.nodes, self.outputs, self.inputs, self.stopped = first.nodes, outputs, first.inputs, first.stopped
        self.producer = {output: node for node in self.nodes for output in node.outputs if output is not None}

    def _is_same(self, found, count):
        """Whether a record of `count` samples is the first one but for the size of the batch."""
        (first, outputs), (other, other_outputs) = self.records[0], found
        if (len(first.nodes), len(first.values), outputs) != (len(other.nodes), len(other.values), other_outputs):
            return False
        return all(a.func is b.func and len(a.args) == len(b.args) and a.kwargs.keys() == b.kwargs.keys() and
                   all(self._alike(x, y, is_size, count) for x, y, is_size in operands_of(a, b)) for a, b in zip(first.nodes, other.nodes))

    def _alike(self, a, b, is_size, count):
        if isinstance(a, (list, tuple)):
            return type(a) is type(b) and len(a) == len(b) and all(self._alike(x, y, is_size, count) for x, y in zip(a, b))
        if isinstance(a, int) and not isinstance(a, bool) and is_size and self.is_per_sample:
            return a == b or a * count == b * _BATCHES[0]
        return type(a) is type(b) and a == b

    def holds_for(self, func, parts):
        """Whether the field does on as many samples as `parts` have what it did in the trials: it may look at their number."""
        before = _effects.Snapshot(func)
        count = len(parts[0])
        try:
            found = self._recorded(func, self._trial_time(0, parts[0]), self._trial_parts(parts, 0, count), before)
        except (CannotCapture, Mixing, TrialFailed):
            return False
        finally:
            _effects.restore(before)
        return self._is_same(found, count) and not has_more_code(found[0].codes, self.records[0][0].codes)

    def _differentiate(self):
        """Gradients by PyTorch of the first trial: by its states, and by the tensors outside, `leaves`, that gradients flow to."""
        self.leaves = [index for index in self.outside if self.tensor(index).requires_grad]
        outputs = [x for x in map(self.tensor, self.outputs) if x.requires_grad]
        inputs = [self.tensor(index) for index in (*self.inputs[1:], *self.leaves)]
        found = [None] * len(inputs)
        if outputs:
            try:
                found = torch.autograd.grad(outputs, inputs, [wave_like(x) for x in outputs], retain_graph=True, allow_unused=True)
            except Exception as error:  # of a backward of the user's
                raise CannotCapture(f"{type(error).__name__} in its gradient: {error}") from error
        self.gradients = [torch.zeros_like(x) if g is None else g for g, x in zip(found, inputs)]
        self.cut_off = {index for index, g in zip(self.leaves, found[len(self.inputs) - 1:]) if g is None}  # as under no_grad

    def tensor(self, index, trial=0):
        return self.records[trial][0].values[index]

    def dtype(self, index):
        return self.tensor(index).dtype

    def sample_shape(self, index):
        """The shape of a value for one sample, and where its batch is (_values.py)."""
        first, second = (tuple(self.tensor(index, trial).shape) for trial in range(2))
        if first == second:
            return first, SHARED
        axes = [i for i, (a, b) in enumerate(zip(first, second)) if a != b] if len(first) == len(second) else []
        if len(axes) == 1:
            axis, = axes
            if (first[axis], second[axis]) == _BATCHES:
                return first[:axis] + first[axis + 1:], BATCHED + axis
            if axis == 0 and first[0] * _BATCHES[1] == second[0] * _BATCHES[0]:
                return (first[0] // _BATCHES[0], *first[1:]), FOLDED
        raise Mixing("the batch is not an axis of a value, or the first part of its first one")

    def _classify(self):
        """`live` are values that depend on tensors outside of the field but not on t and y; `moving` those that do."""
        self.live, self.moving = set(), set(self.inputs)
        self.outside = {}
        first, second = (record for record, _ in self.records)
        memory = {tensor.untyped_storage().data_ptr() for tensor, _ in self.watch.tensors.values() if tensor.layout is torch.strided}
        for index in first.outside:
            tensor = first.values[index]
            is_kept = index in second.outside and second.values[index] is tensor
            if is_kept:
                self.live.add(index)
                self.outside[index] = self._place_of(tensor)
            elif tensor.requires_grad:
                raise CannotCapture("it makes a tensor that gradients flow to")
            elif tensor.numel() and tensor.untyped_storage().data_ptr() in memory:
                raise CannotCapture("it reads a tensor in a way that PyTorch does not see, as .data does")
        for node in self.nodes:
            refs = [] if name_of(node) in CREATIONS else [ref.index for ref in refs_of((node.args, node.kwargs))]
            kind = self.moving if any(i in self.moving for i in refs) else self.live if any(i in self.live for i in refs) else None
            if kind is not None:
                kind.update(output for output in node.outputs if output is not None)
            if kind is self.moving:
                self._check_precision(node, refs)
        self._find_shared()

    def _check_precision(self, node, refs):
        """The core computes in the state's dtype alone."""
        kept = self.dtype(self.inputs[1])
        for index in (*refs, *(output for output in node.outputs if output is not None)):
            found = self.tensor(index)
            if found.is_floating_point() and found.dtype.itemsize > kept.itemsize and (found.ndim > 0 or index in self.moving):
                raise CannotCapture(f"it computes in {found.dtype} on a state of {kept}")

    def _place_of(self, tensor):
        """(container, key) of a tensor that the field reads."""
        found = self.watch.tensors.get(id(tensor))
        if found is None:
            raise CannotCapture(f"it reads a tensor of shape {tuple(tensor.shape)} that is kept where no check sees it")
        return found[1]

    def costs(self):
        """Numbers that a field computes at a time, roughly: of the time alone, and of a sample besides."""
        of_time, of_states = {self.inputs[0]}, set(self.inputs[1:])
        found = [0.0, 0.0]
        for node in self.nodes:
            refs = [ref.index for ref in refs_of((node.args, node.kwargs))]
            outputs = [output for output in node.outputs if output is not None]
            depends_on_states = any(i in of_states for i in refs)
            if depends_on_states or any(i in of_time for i in refs):
                (of_states if depends_on_states else of_time).update(outputs)
                terms = self.tensor(refs[-1]).shape[-2] if name_of(node) in _PRODUCTS else 1
                found[depends_on_states] += terms * sum(self.tensor(output).numel() for output in outputs)
        return found[0], found[1] / (_BATCHES[0] if self.is_per_sample else 1)

    def _find_shared(self):
        """Live values that the program is given: tensors from outside, and what is computed from them alone."""
        self.shared, seen, todo = [], set(), list(self.outputs)
        while todo:
            index = todo.pop()
            if index in seen:
                continue
            seen.add(index)
            node = self.producer.get(index)
            is_given = index in self.live and (node is None or not (name_of(node) in VIEWS or self.sample_shape(index)[1]))
            if is_given:
                self.shared.append(index)
            elif node is not None and not (index not in self.moving and index not in self.live):
                todo += [ref.index for ref in refs_of((node.args, node.kwargs))]
        self.shared.sort()
        self.replayed = self._needed_for([i for i in self.shared if i not in self.outside])
        used = {ref.index for node in self.replayed for ref in refs_of((node.args, node.kwargs))}.union(self.shared)
        self.read = [index for index in self.outside if index in used]  # of which `shared` is computed

    def _needed_for(self, indices):
        needed, todo = set(), list(indices)
        while todo:
            node = self.producer.get(todo.pop())
            if node is not None and id(node) not in needed:
                needed.add(id(node))
                todo += [ref.index for ref in refs_of((node.args, node.kwargs))]
        return [node for node in self.nodes if id(node) in needed]

    def constant(self, index):
        """The Value of what depends on nothing; None of other values."""
        if index in self.moving or index in self.live:
            return None
        first, second = (self.tensor(index, trial).detach() for trial in range(2))
        shape, kind = self.sample_shape(index)
        if kind:
            first, second = (x.movedim(batch_axis(kind), 0).reshape(count, *shape) for x, count in zip((first, second), _BATCHES))
            if not torch.equal(first, first[:1].expand_as(first)):
                raise Mixing("samples have numbers of their own")
            first, second = first[0], second[0]
        if not torch.equal(torch.nan_to_num(first), torch.nan_to_num(second)):
            raise CannotCapture("it computes with numbers that PyTorch does not see, as NumPy's")
        numbers = first.cpu().numpy()
        return Value(numbers if numbers.dtype.kind in "iu" else np.asarray(numbers, dtype=np.float64), kind)

    def rebind(self, func):
        """Stands for another function of the same code, in place of one that is gone; is_current() tells whether it may. False if it cannot."""
        cells = self.watch.rebind(func)
        if any(id(container) in cells for container, _, _ in self.counters):
            return False
        self.outside = {index: (cells.get(id(container), container), key) for index, (container, key) in self.outside.items()}
        return self._find_tensors()

    def is_current(self):
        """Whether what the field reads in Python is still what it was, and tensors outside have their shapes."""
        if self.watch.is_same(self._now, self._kinds):
            return True
        return self.watch.is_current() and self._find_tensors() and all(map(_is_of_kind, self._now, self._kinds))

    def _find_tensors(self):
        """Looks up the tensors outside, and what they must be like; those that no gradient flowed to have no gradient that was checked."""
        try:
            self._now = [_effects.read(*place) for place in self.outside.values()]
        except (KeyError, IndexError, AttributeError, ValueError):
            return False
        then = [self.tensor(index) for index in self.outside]
        self._kinds = [(x.shape, x.dtype, x.device, index in self.leaves) for index, x in zip(self.outside, then)]
        positions = {index: i for i, index in enumerate(self.outside)}
        self._read_positions = [positions[index] for index in self.read]
        self._is_cut_off = [index in self.cut_off for index in self.read] if self.cut_off else None
        return all(isinstance(x, torch.Tensor) for x in self._now)

    def leaf_tensors(self):
        """The tensors outside that gradients flowed to, as they were when is_current() looked."""
        return [x for index, x in zip(self.outside, self._now) if index in self.leaves]

    def read_tensors(self):
        """The tensors from outside that the program's are computed from, as they are now; detached where the field keeps gradients off."""
        found = [self._now[i] for i in self._read_positions]
        return found if self._is_cut_off is None else [x.detach() if cut else x for x, cut in zip(found, self._is_cut_off)]

    def shared_of(self, read):
        """The tensors that the program is given, computed from read_tensors()."""
        values = dict(zip(self.read, read))
        for node in self.replayed:
            found = node.func(*_resolved(node.args, values, self), **_resolved(node.kwargs, values, self))
            for output, value in zip(node.outputs, found if isinstance(found, (list, tuple)) else [found]):
                values[output] = value
        return [values[index] for index in self.shared]

    def tensors(self):
        """The tensors that the program is given now, through which gradients flow to what they are computed from."""
        return self.shared_of(self.read_tensors())


def _is_of_kind(tensor, kind):
    shape, dtype, device, may_flow = kind
    return tensor.shape == shape and tensor.dtype is dtype and tensor.device == device and (may_flow or not tensor.requires_grad)


def _resolved(value, values, capture):
    if isinstance(value, Ref):
        return values[value.index] if value.index in values else capture.tensor(value.index).detach()
    if isinstance(value, (list, tuple)):
        return [_resolved(x, values, capture) for x in value]
    if isinstance(value, dict):
        return {key: _resolved(x, values, capture) for key, x in value.items()}
    return value


def captured_ways(func, parts, is_tuple, span, finish):
    """(What `finish` makes of a Capture, ""), or (None, why not). Each sample alone if that can be, else the batch as one sample."""
    can_split = all(part.ndim > 0 and len(part) == len(parts[0]) and len(part) > 0 for part in parts)
    fits_whole, why, made = sum(part.numel() for part in parts) <= _MOST_NUMBERS, "", None
    for is_per_sample in ((True, False) if can_split else (False,)):
        if not is_per_sample and not fits_whole:
            return made, "" if made else why or f"the state has more than {_MOST_NUMBERS} numbers and no batch axis"
        try:
            capture = Capture(func, parts, is_tuple, is_per_sample, span)
            if is_per_sample and fits_whole:
                of_time, of_sample = capture.costs()
                if len(parts[0]) * (of_time + of_sample) > _TOGETHER * (of_time + len(parts[0]) * of_sample):
                    made, why = finish(capture), "most of what it computes depends on time alone, once for all samples"
                    continue
            return finish(capture), why
        except CannotCapture as error:
            return made, "" if made else str(error)
        except (Mixing, TrialFailed) as error:
            why = str(error)
        except costate.Error as error:
            return made, "" if made else f"the core refuses it: {error}"
    return made, "" if made else why
