"""Whether a translated field has the values and gradients of the recorded one."""

import torch

import costate
from costate.torch._recorder import CannotCapture, wave_like


def check(plan):
    """CannotCapture unless a Plan's field gives the numbers of the first trial, and PyTorch's gradients of them."""
    captured = plan.capture
    shapes = {"t": (), "z": (plan.bounds[-1],), **dict(zip(plan.names, plan.shared_shapes))}
    function = costate.trace(lambda t, z, *shared: plan.field(t, z, shared), shapes, shared=["t", *plan.names])
    with torch.no_grad():
        shared = [x.detach().resolve_neg().to(plan.dtype).cpu().numpy() for x in captured.tensors()]
    states = [captured.tensor(i).detach().cpu() for i in captured.inputs[1:]]
    count = len(states[0]) if captured.is_per_sample else 1
    flat = torch.cat([s.reshape(count, -1) for s in states], dim=1)
    found, pullback, flowing = _run(plan, function, flat, shared)
    wanted = torch.cat([captured.tensor(i).detach().cpu().reshape(count, -1) for i in captured.outputs], dim=1)
    if not bool(torch.isfinite(wanted).all()):
        raise CannotCapture("it gives NaN or inf in a trial near y0, so that nothing can be compared")
    slack = 1e3 * torch.finfo(wanted.dtype).eps * (1 + wanted.abs().max())
    if not bool(((found - wanted).abs() <= slack).all()):
        raise CannotCapture(f"its translation gives other numbers (by {float((found - wanted).abs().max()):.1e})")
    cotangent = torch.cat([wave_like(captured.tensor(i)).cpu().reshape(count, -1) for i in captured.outputs], dim=1)
    _check_gradients(plan, [torch.from_numpy(x) for x in pullback(cotangent.numpy())], flowing)


def _run(plan, function, flat, shared):
    """The slopes of a trial, their pull-back, and the shared tensors that gradients flow to: (position, tensor)."""
    with torch.enable_grad():
        flowing = [(i, x) for i, x in enumerate(plan.capture.tensors()) if x.requires_grad]
    program = costate.compile_pullback(function, wrt=["z", *(plan.names[i] for i, _ in flowing)], dtype=plan.kind)
    (found,), pullback = program(plan.capture.tensor(plan.capture.inputs[0]).cpu().numpy(), flat.numpy(), *shared)
    return torch.from_numpy(found), pullback, flowing


def _check_gradients(plan, gradients, flowing):
    """CannotCapture unless gradients are PyTorch's: a field may have hooks, or functions with a derivative of its own."""
    captured = plan.capture
    by_z, *by_shared = gradients
    states = len(plan.shapes)
    by_leaf = [torch.zeros_like(x) for x in captured.gradients[states:]]
    if flowing and by_leaf:
        tensors = [x for _, x in flowing]
        cotangents = [g.reshape(x.shape).to(x) for g, x in zip(by_shared, tensors)]
        by_leaf = torch.autograd.grad(tensors, captured.leaf_tensors(), cotangents, retain_graph=True, allow_unused=True,
                                      materialize_grads=True)
    by_state = [by_z[:, a:b] for a, b in zip(plan.bounds, plan.bounds[1:])]
    for found, wanted in zip((*by_state, *by_leaf), captured.gradients):
        if wanted.numel() == 0:
            continue
        wanted = wanted.cpu()
        off = (found.cpu().reshape(wanted.shape) - wanted).abs()
        if bool((off > 1e4 * torch.finfo(wanted.dtype).eps * (1 + wanted.abs().max())).any()):
            raise CannotCapture("its gradient is not that of its operations: it has hooks, a torch.autograd.Function, or no_grad() around parameters")
