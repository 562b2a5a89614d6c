"""What may go wrong, case by case, each with what must happen; ``test_catalogue.py`` runs it.

``files.INPUTS``
    Files that are read: through Python (``itclust.read``) and the shell (``itclust inspect``).
``outputs.OUTPUTS``
    What a command is told to write: through the shell.
``models.MODELS``
    Model files: through Python and the shell.
``settings.SETTINGS``
    Settings, seeds and keys out of their range: through Python and the shell.
``data.DATA``
    Names, labels and values of odd kinds: through Python and the shell where it can hold them.
"""
