"""A histogram with its derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from hist import Hist

__all__ = ("TangentHist",)


class TangentHist:
    """A histogram, and for each parameter the histogram of its derivative.

    Attributes
    ----------
    value : hist.Hist
        The contents; with variances if they were computed.
    tangents : dict of str to hist.Hist
        The derivatives, by the names of the parameters.

    Examples
    --------
    >>> import hist
    >>> import awkward_dual as ad
    >>> axis = hist.axis.Regular(2, 0, 2, name="mass")
    >>> mass = [0.5, 1.2, 1.8]
    >>> def yields(p):
    ...     return ad.hist.counts(mass, axis, weight=p["norm"])
    >>> found = ad.hist.templates(yields, {"norm": 2.0}, axis)
    >>> found.value.values(), found.tangents["norm"].values()
    (array([2., 4.]), array([1., 2.]))
    >>> found.shifted({"norm": 0.5}).values()
    array([2.5, 5. ])
    """

    def __init__(self, value: Hist[Any], tangents: Mapping[str, Hist[Any]]) -> None:
        self.value = value
        self.tangents = dict(tangents)

    def __repr__(self) -> str:
        return f"TangentHist({', '.join(self.tangents)})\n{self.value!r}"

    def __add__(self, other: TangentHist) -> TangentHist:
        """Sums of histograms with the same axes and parameters; a derivative that one lacks is zero."""
        if not isinstance(other, TangentHist):
            return NotImplemented
        names = [*self.tangents, *(name for name in other.tangents if name not in self.tangents)]
        found = {}
        for name in names:
            terms = [h.tangents[name] for h in (self, other) if name in h.tangents]
            found[name] = terms[0] + terms[1] if len(terms) == 2 else terms[0].copy()
        return TangentHist(self.value + other.value, found)

    def __radd__(self, other: Any) -> TangentHist:
        """For ``sum``, which starts at 0."""
        return self if other == 0 else NotImplemented

    def shifted(self, shifts: Mapping[str, float]) -> Hist[Any]:
        """The linear template: the value plus shifts times derivatives.

        Parameters
        ----------
        shifts : dict of str to float
            How much each parameter moves; those that are not named stay.

        Returns
        -------
        hist.Hist
            With the variances of the value.

        Raises
        ------
        KeyError
            If there is no such parameter.
        """
        out: Any = self.value.copy()
        moved = sum((shift * self._tangent(name) for name, shift in shifts.items()), 0.0)
        view = out.view(flow=True)
        if view.dtype.fields:
            view["value"] += moved
        else:
            view += moved
        shifted: Hist[Any] = out
        return shifted

    def up_down(self, sigmas: Mapping[str, float]) -> dict[str, tuple[Hist[Any], Hist[Any]]]:
        """Each parameter moved up and down by its uncertainty: what variations are made for.

        Parameters
        ----------
        sigmas : dict of str to float

        Returns
        -------
        dict
            ``{name: (up, down)}``.
        """
        return {
            name: (self.shifted({name: sigma}), self.shifted({name: -sigma}))
            for name, sigma in sigmas.items()
        }

    def covariance(self, covariance: Any, *, flow: bool = False) -> Any:
        """The covariance of the bins from that of the parameters, to first order.

        Parameters
        ----------
        covariance : array of shape (n, n), or dict of str to float
            Of the parameters, in the order of `tangents`; or standard deviations of
            independent ones by name.
        flow : bool
            Whether underflow and overflow are bins, too.

        Returns
        -------
        array of shape (bins, bins)
            ``J C J^T``, for the bins in one row.
        """
        if isinstance(covariance, Mapping):
            names = list(covariance)
            matrix = np.diag([float(covariance[name]) ** 2 for name in names])
        else:
            names, matrix = list(self.tangents), np.asarray(covariance)
        columns = [np.ravel(self._tangent(name, flow=flow)) for name in names]
        jacobian = np.stack(columns, axis=1)
        return jacobian @ matrix @ jacobian.T

    def to_pyhf(
        self, name: str, sigmas: Mapping[str, float], *, staterror: str | None = None
    ) -> dict[str, Any]:
        """A sample of a pyhf channel, with linear templates as ``histosys`` modifiers.

        Parameters
        ----------
        name : str
            Of the sample.
        sigmas : dict of str to float
            The uncertainty of each nuisance parameter: what one unit of pyhf's parameter means.
        staterror : str, optional
            The name of a ``staterror`` modifier, from the variances of the value.

        Returns
        -------
        dict
            ``{"name", "data", "modifiers"}`` with plain lists, bins in one row, without flow.

        Raises
        ------
        ValueError
            If statistical errors are asked for and the value has no variances.
        """
        modifiers: list[dict[str, Any]] = []
        for parameter, (up, down) in self.up_down(sigmas).items():
            data = {"hi_data": _plain(up.values()), "lo_data": _plain(down.values())}
            modifiers.append({"name": parameter, "type": "histosys", "data": data})
        if staterror is not None:
            if not self.value.view().dtype.fields:
                raise ValueError("no variances: let the function return (counts, variances)")
            errors = _plain(np.sqrt(np.asarray(self.value.variances())))
            modifiers.append({"name": staterror, "type": "staterror", "data": errors})
        return {"name": name, "data": _plain(self.value.values()), "modifiers": modifiers}

    def _tangent(self, name: str, *, flow: bool = True) -> Any:
        if name not in self.tangents:
            raise KeyError(f"no parameter {name!r}; there are {', '.join(self.tangents)}")
        return self.tangents[name].values(flow=flow)


def _plain(values: Any) -> list[float]:
    found: list[float] = np.ravel(values).tolist()
    return found
