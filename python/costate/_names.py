"""The nearest of known names, and the names of types for messages."""


def nearest(name, known, cutoff=0.6):
    """A list of the nearest one, or none."""
    import difflib  # an import of costate should not wait for it

    return difflib.get_close_matches(name, list(known), 1, cutoff)


def type_of(value):
    kind = type(value)
    where = kind.__module__.removesuffix("._core")
    return "None" if value is None else kind.__name__ if where == "builtins" else f"{where}.{kind.__name__}"
