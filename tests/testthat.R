library(testthat)
library(ItClust)

test_check("ItClust")
