# tree=: what Python takes, as R users write it.

d <- tiny()
# Of A and B, a third has the other's label: not sure alone, but together.
swapped <- which(d$source$cell_type %in% c("type A", "type B"))[c(TRUE, FALSE,
    FALSE)]
d$source$cell_type[swapped] <- ifelse(d$source$cell_type[swapped] == "type A",
    "type B", "type A")
d$source$lineage <- c("type A" = "L", "type B" = "L", "type C" = "M")[
    as.character(d$source$cell_type)]
types <- sort(unique(as.character(d$source$cell_type)))

test_that("vectors and lists are parents by type or types by parent", {
    expect_null(.tree(NULL, d$source))
    expect_identical(.tree(c(A = "T", B = "T"), d$source)$option,
        list(A = "T", B = "T"))
    expect_identical(.tree(list(A = factor("T"), B = "T"), d$source)$option,
        list(A = "T", B = "T"))
    expect_identical(.tree(list(T = c("A", "B"), M = "C"), d$source)$option,
        list(T = list("A", "B"), M = list("C")))
    expect_identical(.tree(list(L = list(T = c("A", "B"), "C")),
        d$source)$option, list(L = list(T = list("A", "B"), C = list())))
    expect_identical(.tree(list(L = list("A", "B"), M = "C"), d$source)$option,
        list(L = list(A = list(), B = list()), M = list("C")))
})

test_that("columns are handed over under names that are free", {
    d$source$coarse <- "all"
    found <- .tree(c("coarse", "lineage"), d$source)
    expect_identical(found$option, list("tree:coarse", "tree:lineage"))
    expect_identical(as.character(found$columns[[1]]$`tree:lineage`),
        unname(d$source$lineage))
    both <- .tree("lineage", list(d$source, d$source))
    expect_length(both$columns, 2)
    expect_error(.tree("lineages", d$source),
        "'lineages' is not a column of source. Pass tree=.*'lineage'")
    expect_error(.tree("lineage", counts(d$source)), "its columns are: none")
})

test_that("an OBO file comes with the column of its ids", {
    obo <- tempfile(fileext = ".obo")
    expect_error(.tree(obo, d$source), "There is no file")
    file.create(obo)
    path <- normalizePath(obo)
    expect_identical(.tree(obo, d$source)$option, list(path))
    d$source$cell_type_ontology_term_id <- "CL:0000542"
    expect_identical(.tree(obo, d$source)$option,
        list("tree:cell_type_ontology_term_id", path))
    expect_identical(.tree(c("lineage", obo), d$source)$option,
        list("tree:lineage", path))
    expect_error(.tree(c(obo, "lineage"), d$source), "comes last in 'tree'")
    expect_error(.tree(c("lineage", "cell_type", obo), d$source),
        "behind one column")
})

test_that("what is no tree is refused before any work", {
    for (bad in list(3, NA_character_, character(), list("A"),
        list(A = 1:2), list(A = list(list(1))), c(A = "T", "U")))
        expect_error(ItClust(d$source, d$target, tree = bad),
            "'tree' must be a named vector")
})

test_that("a given tree names the levels, in one go and in a kept model", {
    skip_without_python()
    parents <- c("type A" = "L", "type B" = "L")
    out <- quick(d$source, d$target, tree = parents)
    expect_true("L" %in% out$itclust_level)
    expect_false(any(grepl(" or ", out$itclust_level)))
    columns <- c("itclust", "itclust_level", "itclust_set")
    same <- function(x) expect_identical(colData(x)[columns],
        colData(out)[columns])
    same(quick(d$source, d$target, tree = "lineage"))
    same(quick(d$source, d$target, tree = list(L = names(parents))))
    model <- quick_train(d$source, tree = "lineage")
    expect_true("L" %in% transferItClust(model, d$target,
        verbose = FALSE)$itclust_level)
})

test_that("a tree's errors speak R", {
    skip_without_python()
    d$source$lineage[1] <- "N"
    d$source$lineage[is.na(d$source$lineage)] <- "M"
    expect_error(quick(d$source, d$target, tree = "lineage"),
        "tree='lineage': the type .* pass a named vector, c\\(type = \"parent")
    expect_error(quick(d$source, d$target, tree = c(x = "y")),
        "'tree' joins no two of the source's types")
    expect_error(quick(d$source, d$target, tree = c("type A" = "type B",
        "type B" = "type A")), "goes round in a circle")
})

test_that("an ontology is read where Python can", {
    skip_without_python()
    .start()
    skip_if(is.null(reticulate::import("importlib.util")$find_spec("obonet")),
        "the Python package obonet is not there")
    obo <- tempfile(fileext = ".obo")
    term <- function(id, name, above) c("[Term]", paste("id:", id),
        paste("name:", name), if (!is.null(above)) paste("is_a:", above), "")
    writeLines(c("format-version: 1.2", "ontology: x", "", term("CL:0", "cell", NULL),
        term("CL:1", "lymphocyte", "CL:0"), term("CL:2", "a", "CL:1"),
        term("CL:3", "b", "CL:1"), term("CL:4", "c", "CL:0")), obo)
    d$source$cell_type_ontology_term_id <- c("CL:2", "CL:3", "CL:4")[
        match(d$source$cell_type, types)]
    out <- quick(d$source, d$target, tree = obo)
    expect_true("lymphocyte" %in% out$itclust_level)
})
