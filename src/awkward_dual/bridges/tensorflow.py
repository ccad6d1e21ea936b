"""A function of ragged arrays as a function that TensorFlow differentiates, and ragged tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from awkward_dual import operators
from awkward_dual.bridges.buffers import Buffers, buffers, from_buffers
from awkward_dual.bridges.flat import Flat, joined, pulled

__all__ = ("from_ragged_tensor", "to_ragged_tensor", "to_tensorflow")


def to_tensorflow(func: Callable[..., Any], result: Any = ()) -> Callable[..., Any]:
    """A function of tensors, with derivatives for TensorFlow, that calls a function of this world.

    Parameters
    ----------
    func : callable
        Gets NumPy arrays and numbers in the place of tensors, in double precision, in the same
        dicts, tuples and lists. It returns one real number or array.
    result : tuple of int
        The shape of what it returns; by default one number.

    Returns
    -------
    callable
        For ``tf.GradientTape``, nested to any order, also in ``tf.function``. It has no
        forward mode.

    Raises
    ------
    TypeError
        For arguments that are not real; by the call, if the result has another shape.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> import tensorflow as tf
    >>> events = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> loss = ad.bridges.to_tensorflow(lambda scale: ak.sum((scale * events - 1) ** 2))
    >>> scale = tf.Variable(1.0)
    >>> with tf.GradientTape() as tape:
    ...     value = loss(scale)
    >>> float(tape.gradient(value, scale))
    16.0
    """

    @functools.wraps(func)
    def bridged(*args: Any) -> Any:
        import tensorflow as tf

        leaves = [tf.convert_to_tensor(leaf) for leaf in tf.nest.flatten(args)]
        if not all(leaf.dtype.is_floating for leaf in leaves):
            raise TypeError("arguments of to_tensorflow are real floating tensors")
        dtype = leaves[0].dtype
        x = tf.concat([tf.cast(tf.reshape(leaf, [-1]), dtype) for leaf in leaves], axis=0)

        def build(numbers: list[Any]) -> Any:
            return tf.nest.pack_sequence_as(args, numbers)

        flat = Flat(func, build, [tuple(leaf.shape) for leaf in leaves])
        y = _applied(functools.partial(_vector, flat, tuple(result)), x)
        return tf.reshape(y, result)

    return bridged


def _vector(flat: Flat, shape: tuple[int, ...], x: Any) -> Any:
    y = flat.result(x)
    found = joined([y])
    own = getattr(y, "shape", (len(found),))
    if own != shape and len(found) != np.prod(shape, dtype=int):
        raise TypeError(
            f"the function returned an array of shape {own}, not {shape}; say what it returns: "
            "to_tensorflow(func, result=shape)"
        )
    return found


def _applied(func: Callable[[Any], Any], x: Any) -> Any:
    """A function of a vector with a gradient that is one, too."""
    import tensorflow as tf

    def host(numbers: Any) -> Any:
        return np.asarray(func(np.asarray(numbers, dtype=np.float64)), dtype=x.dtype.as_numpy_dtype)

    def applied(x: Any) -> Any:
        y = tf.numpy_function(host, [x], x.dtype)

        def pull(w: Any) -> Any:
            derived = pulled(func, int(x.shape[0]))
            found = _applied(derived, tf.concat([x, tf.reshape(w, [-1])], axis=0))
            return tf.ensure_shape(found, x.shape)

        return y, pull

    return tf.custom_gradient(applied)(x)


# -- ragged tensors


def to_ragged_tensor(x: Any) -> Any:
    """A ragged array as a ``tf.RaggedTensor``, without a copy where its memory is aligned.

    Parameters
    ----------
    x : ak.Array
        Lists, nested to any depth, of numbers: a constant, or a dual of the ground level.

    Returns
    -------
    tf.RaggedTensor, or pair of them
        For a dual array its primal and its tangent, which share their row splits. Numbers
        whose address is not a multiple of 64 bytes are copied: TensorFlow takes no others.

    Raises
    ------
    TypeError
        If the array is not made of lists of numbers, or belongs to a running call.

    Examples
    --------
    ``ad.bridges.to_ragged_tensor(ak.Array([[1.0, 2.0], [], [3.0]]))``
    """
    import tensorflow as tf

    parts = buffers(x)
    splits = [tf.convert_to_tensor(offsets) for offsets in parts.offsets]

    def ragged(values: Any) -> Any:
        make = tf.RaggedTensor.from_nested_row_splits
        return make(_tensor(values), splits, validate=False)

    if parts.tangent is None:
        return ragged(parts.primal)
    return ragged(parts.primal), ragged(parts.tangent)


#: TensorFlow takes memory of others at multiples of this only, and ends the process otherwise
ALIGNMENT = 64


def _tensor(values: Any) -> Any:
    import tensorflow as tf

    if values.ctypes.data % ALIGNMENT or not values.flags.c_contiguous:
        return tf.convert_to_tensor(values)
    return tf.experimental.dlpack.from_dlpack(values.__dlpack__())


def from_ragged_tensor(tensor: Any, tangent: Any = None) -> Any:
    """The ragged array of a ``tf.RaggedTensor``, without a copy of its numbers on the CPU.

    Parameters
    ----------
    tensor : tf.RaggedTensor
    tangent : tf.RaggedTensor, optional
        With the same row splits; the result is then a dual of the ground level.

    Returns
    -------
    ak.Array

    Raises
    ------
    TangentMismatch
        If the lengths of lists differ.

    Examples
    --------
    ``ad.bridges.from_ragged_tensor(tf.ragged.constant([[1.0, 2.0], [], [3.0]]))``
    """

    def array(ragged: Any) -> Any:
        splits = tuple(_shared(s) for s in ragged.nested_row_splits)
        return from_buffers(Buffers(_shared(ragged.flat_values), None, splits))

    primal = array(tensor)
    return primal if tangent is None else operators.dual(primal, array(tangent))


def _shared(tensor: Any) -> Any:
    """The memory of an eager tensor as a NumPy array."""
    return np.asarray(memoryview(tensor))
