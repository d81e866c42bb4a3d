"""One solve in the core as a function of tensors that autograd knows, whose memory is read and written where it lies."""

import torch

from costate import _core
from costate.torch import _card, _effects


def _is_batched(cotangent):
    """Whether it stands for many cotangents, as those of torch.autograd.grad(…, is_grads_batched=True) do."""
    return torch._C._functorch.is_batchedtensor(cotangent) or torch._C._functorch.is_legacy_batchedtensor(cotangent)


def _plain(tensors, dtype):
    """The numbers of tensors as the core reads them: of the dtype, C-contiguous, without lazy signs. None stays None."""
    return [None if x is None else x.detach().resolve_neg().to(dtype).contiguous() for x in tensors]


class NativeSolve(torch.autograd.Function):
    """States [time, sample, …], one tensor a part, of a Call from the times, the parts of the state and the tensors that the field reads."""

    @staticmethod
    def forward(ctx, call, times, *tensors):
        ctx.call = call
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(times, *tensors)
        found = call.states(times, tensors, ctx.needs_input_grad[1:])
        return found if call.ready.is_tuple else found[0]

    @staticmethod
    def backward(ctx, *cotangents):
        needed = ctx.needs_input_grad[1:]
        saved, call = ctx.saved_tensors, ctx.call
        for cotangent in cotangents:
            if cotangent is not None and _is_batched(cotangent):
                return (None, *call.differentiable(saved, cotangents, needed))
        numbers = call.gradients(saved, cotangents, needed)
        if not torch.is_grad_enabled():
            return (None, *numbers)
        recorded = call.differentiable(saved, cotangents, needed)
        return (None, *(None if a is None or b is None else _WithNumbers.apply(a, b) for a, b in zip(recorded, numbers)))


class _WithNumbers(torch.autograd.Function):
    """Other numbers in place of a tensor's, of which derivatives are the tensor's."""

    @staticmethod
    def forward(ctx, recorded, numbers):
        return numbers.clone()

    @staticmethod
    def backward(ctx, cotangent):
        return cotangent, None


class GridFailed(Exception):
    """Numbers that are not finite in a solve on a grid: PyTorch's own steps go on with them."""


class Call:
    """One solve of a field by a Ready (_ready.py). `extra` is the number of tensors behind those that the field reads, whose gradient is 0."""

    __slots__ = ("ready", "func", "extra", "pullback", "read", "shared", "accepted")

    def __init__(self, ready, func, extra=0):
        self.ready, self.func, self.extra = ready, func, extra
        self.pullback = self.read = self.shared = self.accepted = None

    def states(self, times, tensors, needed):
        """The states; keeps the pull-back by the inputs that need it."""
        ready, plan = self.ready, self.ready.plan
        last, is_f32 = len(tensors) - self.extra, times.dtype is torch.float32
        samples = len(tensors[0]) if plan.capture.is_per_sample else 1
        found = None
        if plan.reads_shared:
            program = ready.programs.get(needed)
            if program is None:
                program = ready.programs[needed] = ready.program(needed, needed[1 + ready.num_parts:1 + last], samples)
            found = program.run(tensors, last, times, is_f32, samples, plan.dtype)
        if found is None:
            found = self._run_on_copies(times, tensors[:last], needed, samples)
        states, calls, self.accepted, failure, self.pullback = found
        if failure is not None and not ready.is_adaptive:
            raise GridFailed
        if plan.capture.counters:
            self._count(calls, samples)
        if failure is not None:
            raise AssertionError(failure_text(failure, ready.has_own_steps))
        return states

    def _run_on_copies(self, times, tensors, needed, samples):
        """The same where the program is given other tensors than the field reads, or numbers that lie elsewhere."""
        ready, first = self.ready, self.ready.num_parts
        shared, flows = tensors[first:], needed[1 + first:1 + len(tensors)]
        if not ready.plan.reads_shared:
            self._compute_shared(shared, flows)
            shared, flows = self.shared, [x.requires_grad for x in self.shared]
        plain = tuple(_plain((*tensors[:first], *shared), ready.plan.dtype))
        return ready.program(needed, flows, samples).run(plain, len(plain), times, times.dtype is torch.float32, samples, ready.plan.dtype)

    def gradients(self, saved, cotangents, needed):
        """One for each tensor that needs it, by the reverse of the steps that were taken; None for the others."""
        last = len(saved) - self.extra
        found = None
        if self.shared is None and not needed[0]:
            like = tuple([x if need else None for x, need in zip(saved[:last], needed)])
            found = self._pulled_back(like, cotangents)
        if found is None:
            found = self._gradients_of_copies(saved[:last], cotangents, needed)
        if self.ready.counts_reverse:
            samples = len(saved[1]) if self.ready.plan.capture.is_per_sample else 1
            self._count(self.accepted * self.ready.stages, samples)
        return found if self.extra == 0 else [*found, *(torch.zeros_like(x) if need else None for x, need in zip(saved[last:], needed[last:]))]

    def _pulled_back(self, like, cotangents):
        dtype = self.ready.plan.dtype
        if isinstance(self.pullback, _card.CardPullback):
            return self.pullback.gradients(like, cotangents, dtype)
        return _core._gradients(self.pullback, like, cotangents, dtype)

    def _gradients_of_copies(self, saved, cotangents, needed):
        dtype, first = self.ready.plan.dtype, 1 + self.ready.num_parts
        shared, flows = (saved[first:], needed[first:]) if self.shared is None else (self.shared, [x.requires_grad for x in self.shared])
        like = [x if need else None for x, need in zip((*saved[1:first], *shared), (*needed[1:first], *flows))]
        times = saved[0].detach().double().contiguous() if needed[0] else None
        by_times, *found = self._pulled_back((times, *_plain(like, dtype)), tuple(_plain(cotangents, dtype)))
        by_start, by_shared = found[:first - 1], found[first - 1:]
        if self.shared is not None:
            by_shared = self._by_read(by_shared, needed[first:])
        return [None if by_times is None else by_times.to(saved[0].dtype), *by_start, *by_shared]

    def _compute_shared(self, read, needed):
        """What the program is given is computed from what the field reads; with a graph of its own, through which gradients go back."""
        with torch.set_grad_enabled(any(needed)):
            self.read = [x.detach().requires_grad_(need) for x, need in zip(read, needed)]
            self.shared = self.ready.plan.capture.shared_of(self.read)

    def _by_read(self, by_shared, needed):
        pairs = [(x, g.to(x.dtype)) for x, g in zip(self.shared, by_shared) if g is not None]
        wanted = [x for x, need in zip(self.read, needed) if need]
        if not pairs or not wanted:
            return [torch.zeros_like(x) if need else None for x, need in zip(self.read, needed)]
        shared, cotangents = zip(*pairs)
        found = iter(torch.autograd.grad(shared, wanted, cotangents, retain_graph=True, allow_unused=True, materialize_grads=True))
        return [next(found) if need else None for need in needed]

    def _count(self, evaluations, samples):
        """Adds to the field's own counters what they would have counted: of samples with steps of their own, the mean."""
        calls = -(-evaluations // max(samples, 1))
        for container, key, amount in self.ready.plan.capture.counters:
            _effects.move(container, key, type(amount)(amount * calls))

    def differentiable(self, saved, cotangents, needed):
        """Gradients through PyTorch's own operations, with a graph if one is asked for: of a solve through callbacks, which has steps of its own."""
        wanted, is_recorded = [x for x, need in zip(saved, needed) if need], torch.is_grad_enabled()
        with torch.enable_grad():  # it is not on where cotangents come in a batch
            states = self.ready.again(self.func, saved[0], saved[1:1 + self.ready.num_parts])
        pairs = [(state, c) for state, c in zip(states, cotangents) if c is not None]
        found = iter(torch.autograd.grad([state for state, _ in pairs], wanted, [c for _, c in pairs], create_graph=is_recorded, allow_unused=True,
                                         materialize_grads=True))
        return [next(found) if need else None for need in needed]


def failure_text(failure, has_own_steps):
    """torchdiffeq's words for a solve that failed, and the core's advice. Samples with steps of their own fail by themselves."""
    where = f" in sample {failure['sample']}" if has_own_steps else ""
    text = {"max_steps": "max_num_steps exceeded", "step_too_small": f"underflow in dt {failure['h']}",
            "non_finite": f"underflow in dt {failure['h']}: func gives NaN or inf"}.get(failure["reason"], failure["reason"])
    return f"{text}{where} at t = {failure['t']}. {failure['advice']}".strip()
