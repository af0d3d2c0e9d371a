"""Using the catalog's applications as their users do, to prove that a deployment works.

`homeport demo` runs these on a lab of its own; the integration tests run the same code.
"""
