"""The nearest of known names."""


def nearest(name, known, cutoff=0.6):
    """A list of the nearest one, or none."""
    import difflib  # an import of costate should not wait for it

    return difflib.get_close_matches(name, list(known), 1, cutoff)
