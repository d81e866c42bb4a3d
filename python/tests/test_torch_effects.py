"""costate.torch: what a field changes as it runs is put back after a trial, and is not lost in solves."""

import collections
import csv
import dataclasses
import functools
import io
import itertools
import queue
import random
import types

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import costate.torch as door  # noqa: E402

WIDE = {"dtype": torch.float64}
Y0, T = torch.ones(3, 2, **WIDE), torch.tensor([0.0, 1.0], **WIDE)


class Calls:
    def __init__(self):
        self.count, self.seen = 0, []


class Slotted:
    __slots__ = ("count",)

    def __init__(self):
        self.count = 0


@dataclasses.dataclass
class Log:
    calls: Calls = dataclasses.field(default_factory=Calls)


COUNT = 0


def closure():
    count = 0

    def field(t, y):
        nonlocal count
        count += 1
        return -y
    return field, lambda: count


def of_module():
    global COUNT
    COUNT = 0

    def field(t, y):
        global COUNT
        COUNT += 1
        return -y
    return field, lambda: COUNT


def of_object():
    calls = Calls()

    def field(t, y):
        calls.count += 1
        return -y
    return field, lambda: calls.count


def in_slots():
    calls = Slotted()

    def field(t, y):
        calls.count += 1
        return -y
    return field, lambda: calls.count


def of_class():
    class Field(torch.nn.Module):
        count = 0

        def forward(self, t, y):
            Field.count += 1
            return -y
    return Field(), lambda: Field.count


def of_bound_method():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.count = 0

        def decays(self, t, y):
            self.count += 1
            return -y
    model = Model()
    return model.decays, lambda: model.count


def by_name():
    calls = Calls()

    def field(t, y):
        setattr(calls, "co" + "unt", getattr(calls, "co" + "unt") + 1)
        return -y
    return field, lambda: calls.count


def far_inside():
    logs = [{"log": (Log(),)}]

    def field(t, y):
        logs[0]["log"][0].calls.count += 1
        return -y
    return field, lambda: logs[0]["log"][0].calls.count


COUNTERS = [closure, of_module, of_object, in_slots, of_class, of_bound_method, by_name, far_inside]


@pytest.mark.parametrize("make", COUNTERS, ids=lambda make: make.__name__)
def test_counters_count_what_a_solve_evaluates(make):
    field, count = make()
    said = door.explain(field, Y0)
    assert count() == 0
    door.odeint(field, Y0, T, method="rk4", options={"step_size": 0.1})
    assert count() == 40, said
    assert "1 counter(s) are kept" in said or said.startswith("Through callbacks")


def appended():
    calls = Calls()
    return lambda t, y: (calls.seen.append(1), -y)[1], lambda: len(calls.seen)


def keyed():
    calls = {}
    return lambda t, y: (calls.setdefault(len(calls), 1), -y)[1], lambda: len(calls)


def counted_by_key():
    calls = collections.Counter()
    return lambda t, y: (calls.update(["call"]), -y)[1], lambda: calls["call"]


def in_set():
    calls = set()
    return lambda t, y: (calls.add(len(calls)), -y)[1], lambda: len(calls)


def in_queue():
    calls = collections.deque()
    return lambda t, y: (calls.append(0), -y)[1], lambda: len(calls)


def in_array():
    calls = np.zeros(20_000)
    return lambda t, y: (calls.__iadd__(1), -y)[1], lambda: calls[7]


def new_attribute():
    calls = types.SimpleNamespace()

    def field(t, y):
        calls.count = getattr(calls, "count", 0) + 1
        return -y
    return field, lambda: getattr(calls, "count", 0)


def replaced_object():
    calls = Calls()

    def field(t, y):
        calls.seen = calls.seen + [1]
        return -y
    return field, lambda: len(calls.seen)


def behind_a_cache():
    calls = Calls()

    @functools.lru_cache(maxsize=1)
    def rate(number):
        calls.seen.append(number)
        return -1.0
    return lambda t, y: rate(id(y)) * y, lambda: len(calls.seen)


def of_a_table_of_functions():
    calls = []
    table = {"decay": lambda y: (calls.append(1), -y)[1]}
    return lambda t, y: table["decay"](y), lambda: len(calls)


@pytest.mark.parametrize("make", [appended, keyed, counted_by_key, in_set, in_queue, in_array, new_attribute, replaced_object, behind_a_cache,
                                  of_a_table_of_functions], ids=lambda make: make.__name__)
def test_other_changes_are_made_by_each_evaluation_and_by_no_trial(make):
    field, count = make()
    said = door.explain(field, Y0)
    assert said.startswith("Through callbacks") and count() == 0, said
    door.odeint(field, Y0, T, method="euler", options={"step_size": 0.1})
    assert count() == 10


def test_generators_go_on_where_they_were():
    generator, own = np.random.default_rng(3), random.Random(4)

    def field(t, y):
        return -(generator.random() + own.random() + random.random()) * y

    random.seed(5)
    door.explain(field, Y0)
    drawn = np.random.default_rng(3).random() + random.Random(4).random()
    random.seed(5)
    expected = 1 - drawn - random.random()
    random.seed(5)
    assert torch.allclose(door.odeint(field, Y0, T, method="euler")[-1], torch.full((3, 2), expected, **WIDE))


def taking(container, take):
    return lambda t, y: -take(container) * y, lambda: list(container.items() if isinstance(container, dict) else container)


RATES = [2.0, 0.5, 1.0, 3.0, 0.25, 1.5, 4.0, 0.75]


def of_queue():
    waiting = queue.Queue()
    waiting.queue.extend(RATES)
    return lambda t, y: -waiting.get() * y, lambda: list(waiting.queue)


def of_simple_queue():
    waiting = queue.SimpleQueue()
    for rate in RATES:
        waiting.put(rate)
    return lambda t, y: -waiting.get() * y, waiting.qsize


def of_count():
    counts = itertools.count(1)
    return lambda t, y: -next(counts) * y, lambda: repr(counts)


def of_generator():
    rates, taken = iter(RATES), []
    generator = (taken.append(rate) or rate for rate in rates)
    return lambda t, y: -next(generator) * y, lambda: list(taken)


def of_stream():
    stream = io.StringIO("".join(f"{rate}\n" for rate in RATES), newline="\r\n")
    return lambda t, y: -float(stream.readline()) * y, stream.tell


def into_stream():
    stream = io.StringIO()
    return lambda t, y: (csv.writer(stream).writerow([1]), -y)[1], stream.getvalue


def moved_to_the_end():
    rates = collections.OrderedDict(enumerate(RATES))

    def field(t, y):
        first = next(iter(rates))
        rates.move_to_end(first)
        return -rates[first] * y
    return field, lambda: list(rates)


def bytes_in_place():
    rates = bytearray([1, 2, 3])

    def field(t, y):
        rates[0] += 1
        return -rates[0] * y
    return field, lambda: list(rates)


def new_of_class():
    class Calls:
        pass

    def field(t, y):
        Calls.count = getattr(Calls, "count", 0) + 1
        return -Calls.count * y
    return field, lambda: getattr(Calls, "count", 0)


EMPTIED = {
    "list": lambda: taking(list(RATES), lambda rates: rates.pop(0)), "deque": lambda: taking(collections.deque(RATES), lambda rates: rates.popleft()),
    "rotated": lambda: taking(collections.deque(RATES), lambda rates: rates.rotate(1) or rates[0]),
    "reversed": lambda: taking(list(RATES), lambda rates: rates.reverse() or rates[0]),
    "dict": lambda: taking(dict(enumerate(RATES)), lambda rates: rates.pop(next(iter(rates)))), "set": lambda: taking(set(RATES), lambda rates: rates.pop()),
    "bytearray": lambda: taking(bytearray(range(1, 9)), lambda rates: rates.pop(0)), "ordered dict": moved_to_the_end, "bytes in place": bytes_in_place,
    "queue": of_queue, "simple queue": of_simple_queue, "count": of_count, "generator": of_generator, "stream": of_stream, "into a stream": into_stream,
    "class": new_of_class}


@pytest.mark.parametrize("name", EMPTIED)
def test_what_a_field_takes_out_is_there_in_a_solve(name):
    field, left = EMPTIED[name]()
    before = left()
    assert door.explain(field, Y0).startswith("Through callbacks") and left() == before
    slopes, other, steps = [], EMPTIED[name](), torch.linspace(0, 1, 5, **WIDE)
    found = door.odeint(field, Y0, steps, method="euler")
    y = Y0
    for t in steps[:-1]:
        slopes.append(other[0](t, y))
        y = y + 0.25 * slopes[-1]
    assert torch.allclose(found[-1], y) and left() == other[1]()


def test_a_derivative_of_the_users_own_leaves_nothing_behind():
    seen = []

    class Decay(torch.autograd.Function):
        @staticmethod
        def forward(ctx, y):
            return -y

        @staticmethod
        def backward(ctx, cotangent):
            seen.append(1)
            return -cotangent

    field = lambda t, y: Decay.apply(y)  # noqa: E731
    door.explain(field, Y0)
    assert seen == []
    y0 = Y0.clone().requires_grad_(True)
    door.odeint(field, y0, T, method="euler")[-1].sum().backward()
    assert len(seen) == 1 and not y0.grad.any()


def test_a_name_of_the_closure_may_be_bound_later():
    def make():
        def field(t, y):
            return later if y.shape[0] < 0 else -y

        return field
        later = 1

    assert torch.allclose(door.odeint(make(), Y0, T)[-1], Y0 * torch.exp(-T[-1]), rtol=1e-5)


def test_a_part_of_the_state_may_be_empty():
    whole, empty = door.odeint(lambda t, parts: (-parts[0], parts[1]), (Y0, torch.zeros(3, 0, **WIDE)), T)
    assert torch.allclose(whole[-1], Y0 * torch.exp(-T[-1]), rtol=1e-5) and empty.shape == (2, 3, 0)
