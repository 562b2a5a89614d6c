# The catalogue of tests/python, through R: settings out of their range, model
# files that are none, names, labels and values of odd kinds.

skip_without_python()
skip_if_not(dir.exists("../python/catalogue"), "no catalogue beside the tests")

.start() # of all Pythons that may hold the package, the one under test
# Nothing of NumPy crosses: these are lists, numbers and text.
python <- reticulate::py_run_string(paste0("import sys\n",
    "sys.path.insert(0, r'", normalizePath("../python"), "')\n",
    "from catalogue import data, models, settings\n",
    "from itclust.recipes import default\n",
    "fit = default.select_genes\n",
    "def reached(*args):\n",
    "    raise ValueError('the recipe was reached')\n",
    "def stop_there(on):\n",
    "    default.select_genes = reached if on else fit\n",
    "cases = {n: [c.becomes, c.says] for n, c in data.DATA.items()",
    " if 'r' in c.doors}\n",
    "of_models = {n: c[1] for n, c in models.MODELS.items()}\n",
    "def model(name, folder):\n",
    "    return str(models.make(name, folder))\n"))

as_matrix <- function(part) matrix(unlist(part$x), length(part$genes),
    dimnames = list(unlist(part$genes), unlist(part$cells)))

# `call()` fails, and says so; names may be written as in Python or as in R.
expect_refused <- function(call, says, info) {
    said <- tryCatch({
        call()
        "nothing"
    }, error = conditionMessage)
    expect_match(gsub("_", ".", said), gsub("_", ".", says), fixed = TRUE,
        info = info)
    expect_false(grepl("\n", said), info = info)
}

test_that("settings out of their range are refused by name", {
    data <- tiny()
    for (case in python$settings$of_r()) {
        arguments <- c(list(data$source, data$target, preset = case[[2]],
            verbose = FALSE), stats::setNames(list(case[[4]]), case[[3]]))
        expect_refused(function() do.call(ItClust, arguments), case[[5]],
            case[[1]])
    }
})

test_that("model files that are damaged or hostile do not load", {
    for (name in names(python$of_models)) {
        folder <- tempfile()
        dir.create(folder)
        expect_refused(function() loadItClust(python$model(name, folder)),
            python$of_models[[name]], name)
    }
})

test_that("odd names, labels and values are taken or refused in one line", {
    python$stop_there(TRUE)
    on.exit(python$stop_there(FALSE))
    for (name in names(python$cases)) {
        case <- python$cases[[name]]
        given <- python$data$arrays(name)
        said <- character()
        run <- function() withCallingHandlers(ItClust(as_matrix(given$source),
            as_matrix(given$target), labels = unlist(given$labels),
            verbose = FALSE), warning = function(w) {
                said <<- c(said, conditionMessage(w))
                invokeRestart("muffleWarning")
            })
        expect_refused(run, if (case[[1]] == "refused") case[[2]] else
            "the recipe was reached", name)
        if (case[[1]] == "warned")
            expect_match(said, case[[2]], fixed = TRUE, all = FALSE,
                info = name)
    }
})
