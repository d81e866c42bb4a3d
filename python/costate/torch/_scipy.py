"""SciPy's solvers, for torchdiffeq's `scipy_solver`; without gradients."""

import warnings

import numpy as np
import torch

# The options of scipy_solver, and what they are by default.
OPTIONS = {"solver": "LSODA", "min_step": 0.0, "max_step": float("inf"), "norm": None}


def integrate(field, y0, times, tolerances, options):
    """The states at the times [time, ...state]."""
    from scipy.integrate import solve_ivp

    if torch.is_grad_enabled() and y0.requires_grad:
        warnings.warn("[odeint] scipy_solver gives no gradients; use odeint_adjoint, or another method.")
    if len(times) == 1:
        return y0.detach()[None]

    def numpy_field(t, y):
        with torch.no_grad():
            state = torch.as_tensor(y).to(device=y0.device, dtype=y0.dtype).reshape(y0.shape)
            return field(float(t), state).detach().cpu().resolve_conj().numpy().reshape(-1)

    more = {"min_step": options["min_step"]} if options["solver"] == "LSODA" else {}
    rtol, atol = (tol.cpu().numpy().reshape(-1) if isinstance(tol, torch.Tensor) else tol for tol in tolerances)
    found = solve_ivp(numpy_field, (times.numbers[0], times.numbers[-1]), y0.detach().cpu().numpy().reshape(-1), options["solver"],
                      np.array(times.numbers), rtol=rtol, atol=atol, max_step=options["max_step"], **more)
    if not found.success:
        raise RuntimeError(f"[odeint] SciPy's {options['solver']} failed: {found.message}")
    return torch.as_tensor(found.y.T).to(device=y0.device, dtype=y0.dtype).reshape(-1, *y0.shape)
