"""The built-in step handlers: thin glue between a plan's step, the backends and the method.

Every handler may be killed at any point and called again. What it makes bears the
deployment's mark at the provider or a key that is known beforehand, and it looks for that
before it makes anything; the inventory is told as soon as something has a name.
"""
