"""One function over many items, here or on the workers of an engine that the caller has."""

from concurrent.futures import Executor

from costate._calls import checked


@checked
def fan_out(function, items, on=None):
    """[function(item) for item in items], in their order, computed where `on` says.

    on  None: here, one after the other; every call has all threads.
        A dask.distributed Client, the module ray, or a concurrent.futures Executor: on its workers. Function, items and results
        are pickled there; fits, models and forecasts can be.

    The first error of a call is raised here, as the engine does it; other calls are then cancelled, where it can.
    A fit or a forecast has the same bits on any worker with the same kind of processor.

    >>> import costate
    >>> costate.fan_out(lambda seed: 2 * seed, [1, 2, 3])
    [2, 4, 6]
    """
    items = list(items)
    if on is None:
        return [function(item) for item in items]
    if isinstance(on, Executor):
        return list(on.map(function, items))
    engine = type(on).__module__ if not hasattr(on, "__spec__") else on.__name__
    if engine.partition(".")[0] == "distributed" and hasattr(on, "gather"):
        return _on_dask(function, items, on)
    if engine == "ray":
        remote = on.remote(lambda item: function(item))  # it takes no builtins and no callable objects
        return on.get([remote.remote(item) for item in items])
    raise TypeError("[fan_out] on must be a dask.distributed Client, the module ray, a concurrent.futures Executor or None; "
                    f"got {type(on).__name__}.")


def _on_dask(function, items, client):
    futures = client.map(function, items, pure=False)  # it would take two equal calls for one
    try:
        return client.gather(futures)
    except BaseException:
        client.cancel(futures)
        raise
