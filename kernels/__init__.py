"""What is true about Awkward's kernels, independently of what ships.

A manifest of every kernel, slow reference loops of each real rule, literal corner
truths, and a checker that holds manifest, installed Awkward and rule table
against each other (``python -m kernels.check``). Not part of the package.
"""
