"""DistributedDataParallel over costate.torch: two processes end at the weights of one."""

import pathlib
import subprocess
import sys
import textwrap

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

TRAINING = textwrap.dedent("""
    import sys
    import torch
    import costate.torch as door

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(3)
            self.field = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2)).double()

        def forward(self, starts):
            times = torch.linspace(0, 1, 3, dtype=torch.float64)
            field = (lambda t, y: self.field(y)) if path == "native" else self.counted
            # Through callbacks a batch has joint steps, as in torchdiffeq: those of a half, chosen by its errors, would differ.
            method = "dopri5" if path == "native" else "rk4"
            return door.odeint(field, starts, times, rtol=1e-8, atol=1e-8, method=method, path=path)[-1]

        def counted(self, t, y):
            return self.field(y)

    rank, size, path, meeting, out = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    model = Model()
    wrapped = model
    if size > 1:
        torch.distributed.init_process_group("gloo", init_method="file://" + meeting, rank=rank, world_size=size)
        wrapped = torch.nn.parallel.DistributedDataParallel(model)
    torch.manual_seed(5)
    starts = torch.randn(24, 2, dtype=torch.float64)
    goals = torch.stack([starts[:, 1], -starts[:, 0]], dim=1)
    mine = slice(rank * 24 // size, (rank + 1) * 24 // size)
    optimizer = torch.optim.Adam(wrapped.parameters(), lr=0.02)
    for step in range(6):
        optimizer.zero_grad()
        (wrapped(starts[mine]) - goals[mine]).square().mean().backward()
        optimizer.step()
    torch.save(model.state_dict(), f"{out}-{rank}")
""")


def train(folder, size, path):
    script = folder / "training.py"
    script.write_text(TRAINING)
    meeting = folder / f"meeting-{path}-{size}"
    children = [subprocess.Popen([sys.executable, str(script), str(rank), str(size), path, str(meeting), str(folder / f"{path}-{size}")],
                                 stderr=subprocess.PIPE, text=True) for rank in range(size)]
    for child in children:
        _, errors = child.communicate(timeout=300)
        assert child.returncode == 0, errors
    return [torch.load(pathlib.Path(f"{folder}/{path}-{size}-{rank}")) for rank in range(size)]


@pytest.mark.parametrize("path", ["native", "callbacks"])
def test_two_processes_end_at_the_weights_of_one(path, tmp_path):
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("this PyTorch has no gloo")
    alone, = train(tmp_path, 1, path)
    first, second = train(tmp_path, 2, path)
    torch.manual_seed(3)
    begun = torch.nn.Linear(2, 16).double().weight
    assert (alone["field.0.weight"] - begun).abs().max() > 0.01
    for name, weights in alone.items():
        assert torch.equal(first[name], second[name])
        # Means over halves of the batch are added in another order; Adam divides by sizes of at least 1e-4.
        torch.testing.assert_close(first[name], weights, rtol=1e-9, atol=1e-11)
