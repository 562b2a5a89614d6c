"""Arrays in, arrays out: no AnnData, no Keras. Each module imports only those before it in this list.

``moments`` statistics by group; ``genes`` which genes are looked at; ``groups`` one answer for a group of cells;
``classifiers`` closed-form answers beside the network; ``assign`` soft assignments and clusters; ``sets`` of types that
cover a cell's own; ``heldout`` what the source's labels are worth; ``levels`` the deepest node of a tree that is sure;
``sketch`` which cells are learnt from; ``neighbors`` the target's own neighbourhoods; ``copies`` cells that are there several times;
``outliers`` cells that are strange alone; ``clusters`` pieces of the target beside the source's types; ``novelty`` which
cells are of a type that the source lacks.
"""
