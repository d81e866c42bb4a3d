"""Continuous normalizing flows: a field beside the trace of its Jacobian.

Grathwohl et al., FFJORD (2018), arXiv:1810.01367.
"""

import torch


def autograd_trace(x_out, x_in, **_):
    """The trace of the Jacobian of x_out [batch, d] by x_in, exactly: d gradients."""
    return sum(torch.autograd.grad(x_out[:, i].sum(), x_in, create_graph=True)[0][:, i] for i in range(x_in.shape[1]))


def hutch_trace(x_out, x_in, noise=None, **_):
    """Hutchinson's estimate noise' J noise of the trace, one gradient; noise [batch, d] of mean 0 and covariance 1."""
    return (torch.autograd.grad(x_out, x_in, noise, create_graph=True)[0] * noise).sum(dim=1)


class CNF(torch.nn.Module):
    """The field of a flow on [log-density's change, x]: (-trace of net's Jacobian, net(x)).

    net              x' = net(x), [batch, d].
    trace_estimator  autograd_trace by default, or hutch_trace, which has noise of `noise_dist`: one sample for each row, drawn once a solve.
    """

    def __init__(self, net, trace_estimator=None, noise_dist=None, order=1):
        super().__init__()
        if order != 1:
            raise NotImplementedError("[CNF] order must be 1: the trace of a system of higher order is that of its first-order form, which net may be.")
        self.net, self.trace_estimator, self.noise_dist = net, trace_estimator or autograd_trace, noise_dist
        if self.trace_estimator is hutch_trace and noise_dist is None:
            raise ValueError("[CNF] hutch_trace must have a noise_dist, such as torch.distributions.MultivariateNormal(zeros(d), eye(d)).")
        self.noise = None

    def forward(self, x):
        with torch.enable_grad():
            x_in = x[:, 1:].requires_grad_(True)
            x_out = self.net(x_in)
            trace = self.trace_estimator(x_out, x_in, noise=self.noise)
        return torch.cat([-trace[:, None], x_out], dim=1)
