"""The form by plain prompts, line by line: for terminals that cannot show full screens, for
screen readers, and for scripts that type.

    Dialogue(form, read=ask, say=print, save=write).run()
"""

from forms.plain.dialogue import Dialogue

__all__ = ["Dialogue"]
