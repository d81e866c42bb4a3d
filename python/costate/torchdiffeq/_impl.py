"""Stands for torchdiffeq's private package, of which nothing is here, so that a program that reads it is told what to take."""

raise ImportError("[torchdiffeq] torchdiffeq._impl is private to torchdiffeq, and not here: methods have names, method='rk4' in the place of a solver's class; "
                  "an unknown name's message lists them, as SOLVERS does; costate.torch.odeint(..., adjoint='backsolve') is odeint_adjoint.")
