"""The user's data, once, at the gate: AnnData in, arrays out.

``check`` and ``naming`` hold every error; ``matrices`` one matrix, however it is stored; ``walking`` how large ones are
walked; ``expression`` values over genes; ``matching`` the genes of several datasets; ``lineage`` trees that are given;
``dataset`` all of it together.
"""
