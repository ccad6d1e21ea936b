"""Linear maps that do not depend on any value: they move, repeat, sum or cast elements.

Each acts on the trailing axes of its operand, under any number of leading ones,
and knows its transposed. `linear` applies them to values, and holds those that
depend on partials.
"""

from __future__ import annotations

from typing import Any, ClassVar

from awkward_dual import engine
from awkward_dual.pair import on_level

__all__ = (
    "Broadcast",
    "Cast",
    "Conjugate",
    "Cumulate",
    "FloatView",
    "Fresh",
    "Identity",
    "LinearMap",
    "Permute",
    "Place",
    "Reshape",
    "Scatter",
    "SegmentSum",
    "Slice",
    "Spread",
    "Sum",
    "Take",
)

Shape = tuple[int, ...]


class LinearMap:
    """A linear map that does not depend on any value: it moves, repeats or sums elements."""

    __slots__ = ("in_dtype", "in_shape", "out_dtype", "out_shape")

    #: whether an image is always a buffer of its own, which may be added to
    makes_new: ClassVar[bool] = False
    #: whether `apply` is all that is done to a raw operand, whatever is live
    is_fixed: ClassVar[bool] = True

    def __init__(self, in_shape: Shape, out_shape: Shape, dtype: Any) -> None:
        self.in_shape = in_shape
        self.out_shape = out_shape
        self.in_dtype = self.out_dtype = dtype

    def apply(self, t: Any) -> Any:
        """The image of a raw array."""
        raise NotImplementedError

    def accumulate(self, out: Any, t: Any) -> None:
        """Add the image of a raw array to `out`."""
        out += self.apply(t)

    @property
    def T(self) -> LinearMap:
        """The transposed map, with respect to Re<c, t> (conjugation on the left)."""
        raise NotImplementedError

    def lead(self, t: Any) -> Shape:
        """The shape of the leading axes of an operand."""
        return tuple(t.shape[: len(t.shape) - len(self.in_shape)])

    def live_parts(self) -> tuple[Any, ...]:
        """What the map depends on that may itself carry a tangent."""
        return ()

    def differentiate(self, t: Any, level: Any) -> tuple[tuple[Any, Any], list[tuple[Any, Any]]]:
        """The product rule: the edge of the primals on `level`, and those of the tangents."""
        primal, tangent = on_level(t, level)
        return (self, primal), [] if tangent is None else [(self, tangent)]


class Identity(LinearMap):
    """Leave everything as it is."""

    __slots__ = ()

    def __init__(self, shape: Shape, dtype: Any) -> None:
        super().__init__(shape, shape, dtype)

    def apply(self, t: Any) -> Any:
        return t

    @property
    def T(self) -> LinearMap:
        return self


class Fresh(Identity):
    """The identity on an operand that nobody else has."""

    __slots__ = ()
    makes_new = True


class Broadcast(LinearMap):
    """Repeat along new axes and axes of length one, as NumPy broadcasts."""

    __slots__ = ()

    def apply(self, t: Any) -> Any:
        return engine.broadcast(t, self.in_shape, self.out_shape)

    @property
    def T(self) -> LinearMap:
        return Sum(self.out_shape, self.in_shape, self.in_dtype)


class Sum(LinearMap):
    """Sum over what `Broadcast` repeats; the output is aligned to the right."""

    __slots__ = ()

    def apply(self, t: Any) -> Any:
        return engine.sum_to(t, self.in_shape, self.out_shape)

    @property
    def T(self) -> LinearMap:
        return Broadcast(self.out_shape, self.in_shape, self.in_dtype)


class Slice(LinearMap):
    """Pick elements by a NumPy index whose result axes stay in place.

    `index` covers the trailing axes and has at most one block of integer or
    boolean arrays; everything else goes through `Take`.
    """

    __slots__ = ("index", "repeats")

    def __init__(
        self, in_shape: Shape, out_shape: Shape, dtype: Any, index: tuple[Any, ...], repeats: bool
    ) -> None:
        super().__init__(in_shape, out_shape, dtype)
        self.index = index
        self.repeats = repeats

    def apply(self, t: Any) -> Any:
        axis = len(t.shape) - len(self.in_shape)
        if self.repeats and len(self.index) == 1:
            return engine.pick(t, axis, self.index[0])
        return t[(slice(None),) * axis + self.index]

    @property
    def T(self) -> LinearMap:
        return Place(self)


class Place(LinearMap):
    """Put elements where a `Slice` takes them from, adding where it takes one twice."""

    __slots__ = ("slice",)
    makes_new = True

    def __init__(self, of: Slice) -> None:
        super().__init__(of.out_shape, of.in_shape, of.in_dtype)
        self.slice = of

    def apply(self, t: Any) -> Any:
        out = engine.zeros_like(t, self.lead(t) + self.out_shape)
        self.accumulate(out, t)
        return out

    def accumulate(self, out: Any, t: Any) -> None:
        index = (slice(None),) * len(self.lead(t)) + self.slice.index
        engine.add_at(out, index, t, self.slice.repeats)

    @property
    def T(self) -> LinearMap:
        return self.slice


class Take(LinearMap):
    """The gather: pick elements of the flattened operand; index -1 means none, and gives zero."""

    __slots__ = ("index",)

    def __init__(self, in_shape: Shape, index: Any, dtype: Any) -> None:
        super().__init__(in_shape, index.shape, dtype)
        self.index = index

    def apply(self, t: Any) -> Any:
        return engine.take(t, len(self.in_shape), self.index)

    @property
    def T(self) -> LinearMap:
        return Scatter(self)


class Scatter(LinearMap):
    """The transposed of `Take`: add each element where it was taken from."""

    __slots__ = ("take",)
    makes_new = True

    def __init__(self, of: Take) -> None:
        super().__init__(of.out_shape, of.in_shape, of.in_dtype)
        self.take = of

    def apply(self, t: Any) -> Any:
        out = engine.zeros_like(t, self.lead(t) + self.out_shape)
        self.accumulate(out, t)
        return out

    def accumulate(self, out: Any, t: Any) -> None:
        engine.scatter_add(out, len(self.out_shape), self.take.index, t)

    @property
    def T(self) -> LinearMap:
        return self.take


class SegmentSum(LinearMap):
    """Sum over consecutive segments of the last axis, given by offsets."""

    __slots__ = ("_parents", "offsets")

    def __init__(self, length: int, offsets: Any, dtype: Any) -> None:
        super().__init__((length,), (len(offsets) - 1,), dtype)
        self.offsets = offsets
        self._parents: Any = None

    @property
    def parents(self) -> Any:
        """For each element the segment that holds it, -1 for none."""
        if self._parents is None:
            self._parents = engine.parents(self.offsets, self.in_shape[0])
        return self._parents

    def apply(self, t: Any) -> Any:
        return engine.segment_sum(t, self.offsets)

    @property
    def T(self) -> LinearMap:
        return Spread(self)


class Spread(LinearMap):
    """Repeat each element over its segment; zero outside of all segments."""

    __slots__ = ("segments",)

    def __init__(self, of: SegmentSum) -> None:
        super().__init__(of.out_shape, of.in_shape, of.in_dtype)
        self.segments = of

    def apply(self, t: Any) -> Any:
        return engine.take(t, 1, self.segments.parents)

    @property
    def T(self) -> LinearMap:
        return self.segments


class Reshape(LinearMap):
    """Other axes, same order of elements."""

    __slots__ = ()

    def apply(self, t: Any) -> Any:
        return t.reshape(self.lead(t) + self.out_shape)

    @property
    def T(self) -> LinearMap:
        return Reshape(self.out_shape, self.in_shape, self.in_dtype)


class Permute(LinearMap):
    """Permute the axes."""

    __slots__ = ("axes",)

    def __init__(self, in_shape: Shape, axes: tuple[int, ...], dtype: Any) -> None:
        super().__init__(in_shape, tuple(in_shape[i] for i in axes), dtype)
        self.axes = axes

    def apply(self, t: Any) -> Any:
        n = len(self.lead(t))
        return t.transpose((*range(n), *(n + i for i in self.axes)))

    @property
    def T(self) -> LinearMap:
        inverse = tuple(sorted(range(len(self.axes)), key=self.axes.__getitem__))
        return Permute(self.out_shape, inverse, self.in_dtype)


class Cast(LinearMap):
    """Change the dtype; complex to real takes the real part."""

    __slots__ = ()

    def __init__(self, shape: Shape, in_dtype: Any, out_dtype: Any) -> None:
        super().__init__(shape, shape, in_dtype)
        self.out_dtype = out_dtype

    def apply(self, t: Any) -> Any:
        return engine.cast(t, self.out_dtype)

    @property
    def T(self) -> LinearMap:
        return Cast(self.in_shape, self.out_dtype, self.in_dtype)


class Conjugate(LinearMap):
    """Complex conjugation, real-linear and its own transposed."""

    __slots__ = ()

    def __init__(self, shape: Shape, dtype: Any) -> None:
        super().__init__(shape, shape, dtype)

    def apply(self, t: Any) -> Any:
        return t.conj()

    @property
    def T(self) -> LinearMap:
        return self


class FloatView(LinearMap):
    """Reinterpret complex numbers as (re, im) pairs along the last axis, or back."""

    __slots__ = ()

    def __init__(self, in_shape: Shape, in_dtype: Any, out_dtype: Any) -> None:
        *head, last = in_shape
        last = last * in_dtype.itemsize // out_dtype.itemsize
        super().__init__(in_shape, (*head, last), in_dtype)
        self.out_dtype = out_dtype

    def apply(self, t: Any) -> Any:
        return engine.contiguous(t).view(self.out_dtype)

    @property
    def T(self) -> LinearMap:
        return FloatView(self.out_shape, self.out_dtype, self.in_dtype)


class Cumulate(LinearMap):
    """Cumulative sum along one axis, from the front or from the back."""

    __slots__ = ("axis", "backward")

    def __init__(self, shape: Shape, axis: int, dtype: Any, backward: bool = False) -> None:
        super().__init__(shape, shape, dtype)
        self.axis = axis - len(shape) if axis >= 0 else axis
        self.backward = backward

    def apply(self, t: Any) -> Any:
        return engine.cumulate(t, self.axis, self.backward)

    @property
    def T(self) -> LinearMap:
        return Cumulate(self.in_shape, self.axis, self.in_dtype, not self.backward)
