module nimhelm.test/standin

go 1.24
