"""What an application keeps, by kind: measured, captured, verified, restored.

A capture is a directory on the guest itself, for root alone. It is what an upgrade goes back
to, and nothing more: it dies with its guest and is no backup. That it stays there has reasons:
the data do not come to rest in a further place, a large database is not pushed through the
jump host while users wait, and going back needs nothing but the guest. Repositories elsewhere
take what a capture holds; the verbs are the same.
"""
