"""Rules of the ufuncs of `scipy.special`, loaded when one of them meets a dual for the first time.

Orders, degrees and shape parameters whose derivative has no closed form refuse a
tangent. A ufunc without a row refuses one altogether. Every partial uses ufuncs
that have rows themselves. Formulas are those of the NIST Digital Library of
Mathematical Functions (DLMF, https://dlmf.nist.gov), by section.
"""

from __future__ import annotations

from awkward_dual.rules.special import bessel, elementary, elliptic, errors, gammas

__all__ = ("bessel", "elementary", "elliptic", "errors", "gammas")
