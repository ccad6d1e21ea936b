"""The source of a compiled loop: the formulas of a rule, and their products with the tangents."""

from __future__ import annotations

from collections.abc import Sequence

from awkward_dual.tracing import Formulas

__all__ = ("of_a_block", "of_many_directions", "of_one_direction", "of_values")

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


def of_a_block(
    formulas: Formulas,
    arguments: Sequence[tuple[str, str]],
    single: Sequence[bool],
    *,
    is_one: bool,
) -> str:
    """A loop over one block of arrays that are given by their addresses.

    Parameters
    ----------
    formulas, single
        As elsewhere.
    arguments
        Names of the inputs and prepared arrays, each with the function that makes it out of
        its address, or ``"number"``. In the table the tangents follow, then room for partials
        (see `kept_partials`), then the output; each with an address and the bytes between
        two rows.
    is_one
        Whether there is one direction.
    """
    terms = range(len(single))
    places = [*(name for name, _ in arguments), *(f"t{j}" for j in terms)]
    kept = {} if is_one else kept_partials(formulas)
    places += [*kept.values(), "out"]
    at = {name: f"table[{2 * i}]" for i, name in enumerate(places)}
    step = {name: f"table[{2 * i + 1}]" for i, name in enumerate(places)}
    lines = ["def NAME(table, start, n, directions):"]
    lines += [f"    {name} = {_taken(kind, at[name])}" for name, kind in arguments]
    lines += [f"    {name} = array({at[name]}, n)" for name in kept.values()]
    products = []
    for j, partial in enumerate(formulas.partials):
        c = f"{kept[partial]}[i]" if partial in kept else partial
        products.append(_product(c, f"t{j}" if single[j] else f"t{j}[i]"))
    product = f"out[i] = {' + '.join(products)}"
    steps = _steps(formulas)
    moved = "" if is_one else " + k * {step}"
    taken = [
        f"{name} = "
        + _taken(
            "number" if name != "out" and single[int(name[1:])] else "array",
            at[name] + moved.format(step=step[name]),
        )
        for name in [*(f"t{j}" for j in terms), "out"]
    ]
    if is_one:
        lines += [*_indented(1, taken), "    for i in range(n):"]
        return "\n".join([*lines, *_indented(2, [*steps, product])])
    if kept:
        lines.append("    for i in range(n):")
        lines += _indented(2, [*steps, *(f"{c}[i] = {name}" for name, c in kept.items())])
    lines += ["    for k in range(directions):", *_indented(2, taken), "        for i in range(n):"]
    return "\n".join([*lines, *_indented(3, [product])])


def _indented(depth: int, lines: Sequence[str]) -> list[str]:
    return [f"{'    ' * depth}{line}" for line in lines]


def kept_partials(formulas: Formulas) -> dict[str, str]:
    """The partials that are computed for a block before all directions, and names for them."""
    found = [p for p in formulas.partials if p and p[0] == "v"]
    return {name: f"c{j}" for j, name in enumerate(dict.fromkeys(found))}


def _taken(kind: str, address: str) -> str:
    return f"array({address}, 1)[0]" if kind == "number" else f"{kind}({address}, n)"


def of_values(formulas: Formulas, arguments: Sequence[tuple[str, str]]) -> str:
    """A loop that fills a block with the one expression of some formulas."""
    lines = ["def NAME(table, start, n, directions):"]
    for i, (name, kind) in enumerate([*arguments, ("out", "array")]):
        lines.append(f"    {name} = {_taken(kind, f'table[{2 * i}]')}")
    return "\n".join(
        [
            *lines,
            "    for i in range(n):",
            *(f"        {step}" for step in _steps(formulas)),
            f"        out[i] = {formulas.partials[0]}",
        ]
    )


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
