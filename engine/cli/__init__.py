"""The command line: everything the interface can do, for scripts and for plain terminals.

Every command takes `--json` and ends with a meaningful status: 0 done, 1 an operation or
check failed, 2 wrong input, 3 a plan was shown but not approved, and the `exit_status` of
`engine.errors` otherwise.
"""
