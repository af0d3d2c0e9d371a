"""The lab's name server: authoritative for the zones of the two harbours, and nothing else.

It takes RFC 2136 updates and zone transfers signed by TSIG, so that octoDNS drives it as it
drives BIND or Knot. Run it by `python -m engine.lab.names`.
"""
