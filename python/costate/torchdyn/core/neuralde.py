"""A layer that is the solution of a differential equation."""

from costate.torchdyn._absent import attributes
from costate.torchdyn.core.problems import MultipleShootingProblem, ODEProblem

__getattr__ = attributes(__name__, ("NeuralODE", "MultipleShootingLayer"))


class NeuralODE(ODEProblem):
    """An ODEProblem with torchdyn's defaults of a layer; with return_t_eval=False it gives the states alone, for torch.nn.Sequential."""

    def __init__(self, vector_field, solver="tsit5", order=1, atol=1e-3, rtol=1e-3, sensitivity="autograd", solver_adjoint=None,
                 atol_adjoint=1e-4, rtol_adjoint=1e-4, interpolator=None, integral_loss=None, seminorm=False, return_t_eval=True,
                 optimizable_params=()):
        super().__init__(vector_field, solver, interpolator, order, atol, rtol, sensitivity, solver_adjoint, atol_adjoint, rtol_adjoint, seminorm,
                         integral_loss, optimizable_params)
        self.return_t_eval, self.t_span = return_t_eval, None

    def forward(self, x, t_span=None, save_at=(), args=None):
        """By default over `t_span`, an attribute, or from 0 to 1."""
        times, states = self.odeint(x, self.t_span if t_span is None else t_span, save_at, args)
        return (times, states) if self.return_t_eval else states


class MultipleShootingLayer(MultipleShootingProblem):
    """A MultipleShootingProblem as a layer."""
