"""What may go wrong, case by case, each with what must happen; ``test_catalogue.py`` runs it.

``files.INPUTS``
    Files that are read: through Python (``itclust.read``) and the shell (``itclust inspect``).
``outputs.OUTPUTS``
    What a command is told to write: through the shell.
``models.MODELS``
    Model files: through Python, the shell and R.
``settings.SETTINGS``
    Settings, seeds and keys out of their range: through Python, the shell and R.
``data.DATA``
    Names, labels and values of odd kinds: through Python, and the shell and R where they can hold them.

``tests/testthat/test-catalogue.R`` goes through R, and has cases of R's own in ``tests/testthat/catalogue.R``.
"""
