"""A function of ragged arrays as a function that JAX differentiates."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from awkward_dual.bridges.flat import Flat, derivatives, joined, pulled, pushed

__all__ = ("to_jax",)


def to_jax(func: Callable[..., Any], result: Any = None, *, mode: str = "jacobian") -> Any:
    """A function of JAX arrays, with derivatives for JAX, that calls a function of this world.

    Parameters
    ----------
    func : callable
        Gets NumPy arrays and numbers, in trees as JAX gets them, in double precision. Events
        and other constants are in its closure. It returns real numbers, or arrays of them.
    result : optional
        What it returns: a tree of ``jax.ShapeDtypeStruct``, or of arrays of that shape and
        dtype. JAX asks for it before the call. By default one floating number.
    mode : {"jacobian", "products"}
        ``"jacobian"`` hands the whole Jacobian to JAX, computed with the value: best for
        losses, and for tens of parameters. ``"products"`` computes products with
        it, one evaluation more for each: for long arguments and results.

    Returns
    -------
    callable
        It works in ``jit``, ``grad``, ``jvp``, ``vjp``; with ``"jacobian"`` also in ``vmap``,
        ``jacfwd``, ``jacrev``, ``hessian``, and to any order. Integers are constants.

    Raises
    ------
    TypeError
        For complex arguments; for second derivatives with ``"products"``; by the call, if the
        function returns something else than `result` says.

    Notes
    -----
    The function runs on the host, through ``jax.pure_callback``, in double precision
    whatever ``jax_enable_x64`` says; results are rounded to JAX's type once.

    Examples
    --------
    >>> import awkward as ak, jax
    >>> import awkward_dual as ad
    >>> events = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> loss = ad.to_jax(lambda p: ak.sum((p["scale"] * events - 1) ** 2))
    >>> value, gradient = jax.jit(jax.value_and_grad(loss))({"scale": 1.0})
    >>> float(value), float(gradient["scale"])
    (5.0, 16.0)
    """
    if mode not in ("jacobian", "products"):
        raise ValueError(f"mode must be 'jacobian' or 'products', not {mode!r}")
    prepared: dict[Any, Any] = {}

    @functools.wraps(func)
    def bridged(*args: Any) -> Any:
        import jax
        import jax.numpy as jnp

        leaves, tree = jax.tree_util.tree_flatten(args)
        leaves = [jnp.asarray(leaf) for leaf in leaves]
        if any(jnp.issubdtype(leaf.dtype, jnp.complexfloating) for leaf in leaves):
            raise TypeError("complex arguments of to_jax: pass real and imaginary parts")
        live = tuple(bool(jnp.issubdtype(leaf.dtype, jnp.floating)) for leaf in leaves)
        own = [leaf for leaf, is_live in zip(leaves, live, strict=True) if is_live]
        fixed = [leaf for leaf, is_live in zip(leaves, live, strict=True) if not is_live]
        dtype = jnp.result_type(*own) if own else jnp.result_type(float)
        spec = _result_spec(result, dtype)
        shapes = tuple(leaf.shape for leaf in own)
        # the same object for the same kind of call, or JAX compiles each one anew
        key = (tree, live, shapes, dtype)
        if key not in prepared:
            of = _ByJacobians if mode == "jacobian" else _ByProducts
            prepared[key] = of(_vectors(func, tree, live, shapes, spec), shapes, _size(spec))
        x = jnp.concatenate([jnp.ravel(leaf).astype(dtype) for leaf in own] or [jnp.zeros(0)])
        return _restored(prepared[key](x, *fixed), spec)

    return bridged


def _vectors(func: Any, tree: Any, live: Any, shapes: Any, spec: Any) -> Callable[..., Any]:
    """For the constants among the arguments, the function of a vector."""

    def vector_function(*fixed: Any) -> Callable[[Any], Any]:
        def build(numbers: list[Any]) -> Any:
            floats, others = iter(numbers), iter(fixed)
            return tree.unflatten([next(floats if is_live else others) for is_live in live])

        return functools.partial(_vector, Flat(func, build, list(shapes)), spec)

    return vector_function


# -- the shape of the result


def _result_spec(result: Any, dtype: Any) -> Any:
    import jax
    import jax.numpy as jnp

    if result is None:
        return jax.ShapeDtypeStruct((), dtype)

    def leaf(x: Any) -> Any:
        kind = jnp.result_type(x.dtype if hasattr(x, "dtype") else x)
        if not jnp.issubdtype(kind, jnp.floating):
            raise TypeError(f"results of to_jax are real floating numbers, not {kind}")
        return jax.ShapeDtypeStruct(np.shape(x), jax.dtypes.canonicalize_dtype(kind))

    return jax.tree_util.tree_map(leaf, result)


def _size(spec: Any) -> int:
    import jax

    return sum(int(np.prod(s.shape, dtype=np.int64)) for s in jax.tree_util.tree_leaves(spec))


def _vector(flat: Flat, spec: Any, x: Any) -> Any:
    """The result as one vector, if it is what was promised."""
    import jax

    result = flat.result(x)
    expected, tree = jax.tree_util.tree_flatten(spec)
    try:
        leaves = tree.flatten_up_to(result)
    except ValueError as error:
        raise TypeError(f"the result is not the tree that was promised: {error}") from None
    for leaf, promised in zip(leaves, expected, strict=True):
        size = len(joined([leaf]))
        fits = size == np.prod(promised.shape, dtype=int)
        if not fits or (hasattr(leaf, "shape") and leaf.shape != promised.shape):
            shape = getattr(leaf, "shape", (size,))
            raise TypeError(
                f"the function returned an array of shape {shape}, not {promised.shape}; "
                "say what it returns: to_jax(func, result=jax.ShapeDtypeStruct(shape, dtype))"
            )
    return joined(leaves)


def _restored(y: Any, spec: Any) -> Any:
    import jax
    import jax.numpy as jnp

    leaves, tree = jax.tree_util.tree_flatten(spec)
    ends = np.cumsum([int(np.prod(leaf.shape, dtype=np.int64)) for leaf in leaves])[:-1]
    parts = jnp.split(y, [int(end) for end in ends])
    return tree.unflatten(
        [p.reshape(s.shape).astype(s.dtype) for p, s in zip(parts, leaves, strict=True)]
    )


class _Callback:
    """A function of NumPy arrays in double precision that JAX calls."""

    def __init__(self, func: Callable[..., Any], shapes: Any) -> None:
        self.func, self.shapes = func, shapes
        # one object for each type: JAX compiles a call anew for another one
        self.hosts: dict[Any, Callable[..., Any]] = {}

    def __call__(self, *args: Any) -> Any:
        import jax

        dtype = args[0].dtype
        spec = jax.tree_util.tree_map(
            lambda shape: jax.ShapeDtypeStruct(shape, dtype), self.shapes, is_leaf=_is_shape
        )
        host = self.hosts.setdefault(dtype, functools.partial(self.host, dtype))
        return jax.pure_callback(host, spec, *args, vmap_method="sequential")

    def host(self, dtype: Any, x: Any, *others: Any) -> Any:
        """The call itself, on the host."""
        import jax

        given = [np.asarray(other) for other in others]
        found = self.func(np.asarray(x, dtype=np.float64), *given)
        return jax.tree_util.tree_map(lambda a: np.asarray(a, dtype=dtype), found)


def _is_shape(x: Any) -> bool:
    return isinstance(x, tuple) and all(isinstance(n, int) for n in x)


class _ByJacobians:
    """Value and derivatives up to an order; the derivative of these is one order more."""

    def __init__(self, vector_function: Any, shapes: Any, results: int) -> None:
        self.vector_function, self.results = vector_function, results
        self.size = sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes)
        self.made: dict[int, Any] = {}

    def __call__(self, x: Any, *fixed: Any) -> Any:
        return self.up_to(0)(x, *fixed)[0]

    def up_to(self, order: int) -> Any:
        if order not in self.made:
            self.made[order] = self.make(order)
        return self.made[order]

    def make(self, order: int) -> Any:
        import jax
        import jax.numpy as jnp

        shapes = tuple((self.results, *([self.size] * k)) for k in range(order + 1))

        def host(x: Any, *fixed: Any) -> Any:
            return derivatives(self.vector_function(*fixed), order, self.results)(x)

        def rule(primals: Any, tangents: Any) -> Any:
            *values, last = self.up_to(order + 1)(*primals)
            return tuple(values), tuple(jnp.matmul(d, tangents[0]) for d in (*values[1:], last))

        evaluated = jax.custom_jvp(_Callback(host, shapes))
        evaluated.defjvp(rule)
        return evaluated


class _ByProducts:
    """The value, and products of the Jacobian with tangents and cotangents."""

    def __init__(self, vector_function: Any, shapes: Any, results: int) -> None:
        import jax
        from jax.custom_derivatives import linear_call

        size = sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes)

        def host(x: Any, *fixed: Any) -> Any:
            return vector_function(*fixed)(x)

        def product(of: Any, x: Any, t: Any, *fixed: Any) -> Any:
            both = np.concatenate([x, np.asarray(t, dtype=np.float64)])
            return of(vector_function(*fixed), size)(both)

        pushing = _Callback(functools.partial(product, pushed), (results,))
        pulling = _Callback(functools.partial(product, pulled), (size,))

        def push(residual: Any, dx: Any) -> Any:
            return pushing(residual[0], dx, *residual[1:])

        def pull(residual: Any, w: Any) -> Any:
            return pulling(residual[0], w, *residual[1:])

        def rule(primals: Any, tangents: Any) -> Any:
            x, *fixed = primals
            return self.evaluated(*primals), linear_call(
                push, pull, (_once(x), *fixed), tangents[0]
            )

        self.evaluated = jax.custom_jvp(_Callback(host, (results,)))
        self.evaluated.defjvp(rule)

    def __call__(self, x: Any, *fixed: Any) -> Any:
        return self.evaluated(x, *fixed)


def _once(x: Any) -> Any:
    """`x`, which must not be differentiated again."""
    import jax

    same = jax.custom_jvp(lambda x: x)

    def rule(primals: Any, tangents: Any) -> Any:
        raise TypeError("second derivatives of to_jax need mode='jacobian'")

    same.defjvp(rule)
    return same(x)
