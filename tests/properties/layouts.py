"""Arrays of any structure, with values on which derivatives exist."""

from __future__ import annotations

from typing import Any

import awkward as ak
import hypothesis_awkward.strategies as st_ak
import numpy as np
from hypothesis import strategies as st

from awkward_dual.operators.leaves import is_differentiable
from awkward_dual.operators.seeding import places_of


def arrays(**options: Any) -> st.SearchStrategy[Any]:
    """Arrays with at least one floating leaf, of all node types."""
    dtypes = st.sampled_from([np.dtype(name) for name in ("float64", "float64", "int64", "bool")])
    drawn = st_ak.constructors.arrays(
        dtypes=dtypes, max_size=24, allow_nan=False, allow_virtual=False, **options
    )
    return drawn.filter(lambda x: is_differentiable(x.layout))


def with_values(array: Any, rng: np.random.Generator) -> Any:
    """The array with distinct numbers between 0.5 and 2, none near a kink of an operation."""
    if any(len(np.unique(place)) < len(place) for place in places_of(array)):
        # elements that are shown twice would be ties
        array = ak.to_packed(array)

    def action(layout: Any, **_: Any) -> Any:
        if layout.is_numpy and layout.dtype.kind == "f":
            size = int(np.prod(layout.data.shape))
            values = 0.5 + 1.5 * (rng.permutation(size) + rng.uniform(0.3, 0.7, size)) / max(
                size, 1
            )
            return ak.contents.NumpyArray(
                values.reshape(layout.data.shape).astype(layout.dtype),
                parameters=layout.parameters,
            )
        if layout.is_numpy and layout.dtype.kind == "i":
            # merged with floats in a union, large ones would hide small steps
            return ak.contents.NumpyArray(layout.data % 5, parameters=layout.parameters)
        return None

    return ak.transform(action, array)
