"""Setting up a provider by questions: what is asked next, what was answered, and the proof that
it works before it is saved. The same for the full screen, for plain prompts and for answer files.
"""
