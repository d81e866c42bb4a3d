"""Solves of tensors on a CUDA card by the core's kernels (docs/gpu.md): tensors are read where they stand, on PyTorch's current stream."""

import os

import torch

import costate

_MOST_TOGETHER = 32  # samples with one step for all, which one block of threads holds


def is_on_card(tensor):
    return tensor.device.type == "cuda"


def stream_of(tensor):
    """PyTorch's current stream, as DLPack numbers it: 1 is the default one."""
    return torch.cuda.current_stream(tensor.device).cuda_stream or 1


def given(tensor):
    """What the core takes a tensor as."""
    return tensor


def taken(array):
    """A tensor of what the core gives, in the same memory."""
    return torch.from_dlpack(array)


def refusal(part):
    """Why the core cannot solve a state there, whatever the field does; "" if nothing is in the way."""
    if os.environ.get("COSTATE_CUDA") != "experimental":
        return "the state is on a card, for which the core's kernels are experimental: COSTATE_CUDA=experimental in the environment asks for them"
    if part.device.index not in (None, 0):
        return f"the core solves on the first card, cuda:0, and the state is on {part.device}"
    return ""


def refusal_of(solve, plan, options_of):
    """Why kernels cannot do this solve; "" if they can. `options_of` gives its options, by whether gradients flow."""
    parts = solve.given_y0 if solve.structure.is_tuple else (solve.given_y0,)
    read = plan.capture.read_tensors()
    if any(x.device != parts[0].device for x in read):
        return f"it reads a tensor on another device than {parts[0].device}"
    wanted = ()
    if torch.is_grad_enabled():
        flows = any(x.requires_grad for x in parts), solve.t.requires_grad, *(x.requires_grad for x in plan.capture.tensors())
        wanted = tuple(name for name, is_wanted in zip(("z0", "times", *plan.names), flows) if is_wanted)
    try:
        program = plan.program(None, options_of(bool(wanted)), wanted)
    except costate.NotSupported as error:
        return f"kernels refuse it: {error}"
    if program.solver.reads_arguments:
        return "times at which it switches depend on tensors on the card, which the host would have to read"
    if solve.samples > _MOST_TOGETHER and program.is_together:
        return f"one step for all of {solve.samples} samples is more than the {_MOST_TOGETHER} that a block holds; options={{'controller': 'costate'}} has a step for each"
    return ""


def _plain(tensor, dtype):
    return tensor.detach().resolve_neg().to(dtype).contiguous()


class CardSolve:
    """What _TensorSolve is on the host: a Plan's solves from tensors on a card; with a pull-back by the inputs that are named."""

    def __init__(self, plan, options, wanted):
        field = costate.vector_field(lambda t, z, *shared: plan.field(t, z, shared), (plan.bounds[-1],),
                                     dict(zip(plan.names, plan.shared_shapes)), shared=plan.names)
        self.solver = costate.DeviceSolver(field, wrt=wanted, dtype=plan.kind, **dict(options))
        self.is_together = ("control", "joint") in options
        self.shapes, self.bounds, self.names, self.wanted = plan.shapes, plan.bounds, plan.names, wanted

    def run(self, tensors, last, times, _times_are_f32, samples, dtype):
        """As _TensorSolve.run; tensors that lie otherwise are copied on the card."""
        first = len(self.shapes)
        parts = [_plain(x, dtype).reshape(samples, -1) for x in tensors[:first]]
        start, stream = parts[0] if first == 1 else torch.cat(parts, 1), stream_of(parts[0])
        arguments = (given(start), times.detach().cpu().double().numpy(), *[given(_plain(x, dtype)) for x in tensors[first:last]])
        if self.wanted:
            solution, pullback = self.solver.run(*arguments, stream=stream, throw=False)
            pullback = CardPullback(self, pullback)
        else:
            solution, pullback = self.solver(*arguments, stream=stream, throw=False), None
        rows = taken(solution.states).transpose(0, 1)
        states = [rows[:, :, a:b].reshape(len(times), *x.shape).contiguous() for a, b, x in zip(self.bounds, self.bounds[1:], tensors)]
        return tuple(states), int(solution.nfe.sum()), int(solution.accepted.sum()), solution._failure(), pullback


class CardPullback:
    """The reverse of one run."""

    def __init__(self, solve, pullback):
        self.solve, self.pullback = solve, pullback

    def gradients(self, like, cotangents, dtype):
        """As _core._gradients."""
        solve = self.solve
        count, samples = next((len(c), c.numel() // len(c) // size) for c, size in zip(cotangents, self._sizes()) if c is not None)
        device = next(c.device for c in cotangents if c is not None)
        parts = [torch.zeros(count, samples, size, dtype=dtype, device=device) if c is None else c.detach().reshape(count, samples, size)
                 for c, size in zip(cotangents, self._sizes())]
        flat = _plain((parts[0] if len(parts) == 1 else torch.cat(parts, 2)).transpose(0, 1), dtype)
        found = dict(zip(solve.wanted, map(taken, self.pullback(given(flat), stream=stream_of(flat)))))
        first = 1 + len(solve.shapes)
        made = [None if like[0] is None else found["times"].sum(0)]
        for x, a, b in zip(like[1:first], solve.bounds, solve.bounds[1:]):
            made.append(None if x is None else found["z0"][:, a:b].reshape(x.shape))
        return made + [None if x is None else found[name].reshape(x.shape) for x, name in zip(like[first:], solve.names)]

    def _sizes(self):
        return [b - a for a, b in zip(self.solve.bounds, self.solve.bounds[1:])]
