"""The source of a compiled loop: the formulas of a rule, and their products with the tangents."""

from __future__ import annotations

from collections.abc import Sequence

from awkward_dual.tracing import Formulas

__all__ = ("of_many_directions", "of_one_direction")

#: elements of a block, whose partials stay in the nearest cache
_BLOCK = 1_024


def _names(formulas: Formulas, ndims: Sequence[int]) -> tuple[list[str], list[str]]:
    """Of the inputs and prepared arrays, all and those that are arrays."""
    prepared = [f"f{i}" for i in range(len(formulas.prepared))]
    inputs = [f"x{i}" for i in range(len(ndims))]
    return inputs + prepared, [x for x, n in zip(inputs, ndims, strict=True) if n] + prepared


def _steps(formulas: Formulas) -> list[str]:
    return [f"{name} = {expression}" for expression, name in formulas.steps.items()]


def _product(partial: str | None, dx: str) -> str:
    if partial is None:
        return dx
    if partial.startswith("F(") and partial != "F(0.0)":
        return f"{partial} * {dx}"
    # zero absorbs: 0 * inf and 0 * nan are 0
    return f"select(({partial} != 0) & ({dx} != 0), {partial} * {dx}, F(0.0))"


def of_one_direction(formulas: Formulas, ndims: Sequence[int], single: Sequence[bool]) -> str:
    """A loop for one direction: nothing between partial and product."""
    names, _ = _names(formulas, ndims)
    terms = range(len(single))
    parameters = [*names, *(f"t{j}" for j in terms), "out"]
    products = [
        _product(partial, f"s{j}" if single[j] else f"t{j}[i]")
        for j, partial in enumerate(formulas.partials)
    ]
    lines = [
        f"def NAME({', '.join(parameters)}):",
        *(f"    s{j} = t{j}[0]" for j in terms if single[j]),
        "    for i in range(out.shape[0]):",
        *(f"        {step}" for step in _steps(formulas)),
        f"        out[i] = {' + '.join(products)}",
    ]
    return "\n".join(lines)


def of_many_directions(formulas: Formulas, ndims: Sequence[int], single: Sequence[bool]) -> str:
    """A loop over blocks: first the partials, then all directions."""
    names, arrays = _names(formulas, ndims)
    terms = range(len(single))
    parameters = [*names, *(f"t{j}" for j in terms), "out"]
    # what is computed for a block is kept, what is there already is not copied
    kept = {name: f"c{j}" for j, name in enumerate(formulas.partials) if name and name[0] == "v"}
    products = []
    for j, partial in enumerate(formulas.partials):
        c = f"{kept[partial]}[i]" if partial in kept else partial
        products.append(_product(c, f"s{j}" if single[j] else f"s{j}[i]"))
    # blocks are slices: an index that Numba must check for its sign is not vectorised
    lines = [
        f"def NAME({', '.join(f'whole_{name}' for name in parameters)}):",
        *(f"    {name} = whole_{name}" for name in parameters if name not in arrays),
        *(f"    {c} = empty({_BLOCK}, F)" for c in kept.values()),
        f"    for start in range(0, out.shape[1], {_BLOCK}):",
        f"        stop = min(start + {_BLOCK}, out.shape[1])",
        *(f"        {name} = whole_{name}[start:stop]" for name in arrays),
        "        for i in range(stop - start):",
        *(f"            {step}" for step in _steps(formulas)),
        *(f"            {c}[i] = {name}" for name, c in kept.items()),
        "            pass",
        "        for k in range(out.shape[0]):",
        "            y = out[k, start:stop]",
        *(f"            s{j} = t{j}[k, {0 if single[j] else 'start:stop'}]" for j in terms),
        "            for i in range(stop - start):",
        f"                y[i] = {' + '.join(products)}",
    ]
    return "\n".join(lines)
