# A batch of pendulums. The field is written for one sample; each sample takes its own steps, counts its own
# evaluations, and would fail alone. The energy of a pendulum stays what it was.
import costate
import numpy as np

pendulum = lambda t, z: [z[1], -np.sin(z[0])]  # noqa: E731
starts = np.array([[0.1, 0.0], [1.0, 0.0], [2.0, 0.0]])
solution = costate.solve(pendulum, starts, np.linspace(0, 10, 101), rtol=1e-8, atol=1e-10)

theta, omega = solution.states[..., 0], solution.states[..., 1]
energy = omega**2 / 2 - np.cos(theta)
for i in range(3):
    print(f"theta(0) = {theta[i, 0]:.1f}, theta(10) = {theta[i, -1]:9.6f}, {solution.nfe[i]} evaluations")
change = np.abs(energy - energy[:, :1]).max()
print(f"energies changed by at most {change:.0e}")
assert change < 1e-6
