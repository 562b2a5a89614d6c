"""Arrays in, arrays out: no AnnData, no Keras. Each module imports only those before it in this list.

``moments`` statistics by group; ``genes`` which genes are looked at; ``classifiers`` closed-form answers beside the
network; ``assign`` soft assignments and clusters; ``neighbors`` the target's own neighbourhoods; ``novelty`` which cells
are of a type that the source lacks.
"""
