"""costate.torch: what a field changes as it runs is put back after a trial, and is not lost in solves."""

import collections
import dataclasses
import functools
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
