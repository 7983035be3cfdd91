PYTHON ?= .venv/bin/python
MKDOCS = NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: lint-charts demo test check fast schema docs site golden bench cluster cluster-down cluster-clean cluster-test cluster-core cluster-controllers cluster-test-all venv

venv: .venv/.installed  ## the virtual environment with everything the tests need

.venv/.installed: pyproject.toml
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -e '.[test,docs]' hatchling
	.venv/bin/python tools/get_helm.py
	touch $@

lint-charts: venv  ## kube-score and checkov, which must be on the PATH, over the charts of the examples; docs/linters.md lists what stays
	$(PYTHON) tools/lint_charts.py

# The demo needs nimhelm alone, which installs in a fraction of the time that the tools of the tests take.
.venv/bin/nimhelm:
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -e .

demo: .venv/bin/nimhelm  ## validate, draw and build the examples, and explain a saved release
	.venv/bin/nimhelm validate examples/*.yaml
	.venv/bin/nimhelm graph examples/rag-pipeline.yaml
	.venv/bin/nimhelm build examples/*.yaml -o demo
	.venv/bin/nimhelm status rag --from-dir tests/timeline/recorded/waiting || test $$? = 1

# Servers, signals and clocks of a machine that others use as well: what fails runs once more, and what fails twice fails.
test: venv  ## everything but the cluster: style, types, schemas, tests
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	$(PYTHON) tools/build_schema.py --check
	$(PYTHON) tools/build_docs.py --check
	$(MKDOCS) --quiet
	$(PYTHON) -m pytest --ignore tests/cluster || $(PYTHON) -m pytest --ignore tests/cluster --last-failed

fast: venv  ## the quick tests, none of which needs helm
	$(PYTHON) -m pytest -n auto --dist worksteal -x -m "not helm and not slow" --ignore tests/cluster --ignore tests/hooks --ignore tests/property

schema: venv  ## build the JSON schemas from schema/source, and the reference pages from them
	$(PYTHON) tools/build_schema.py
	$(PYTHON) tools/build_docs.py

docs: venv  ## build the pages of docs/codes and docs/reference from the catalogue and the schemas
	$(PYTHON) tools/build_docs.py

site: venv  ## build the site of docs/ into site/; a link or an anchor that leads nowhere is an error
	$(MKDOCS)

golden: venv  ## write the golden charts anew; read the diff before you commit it
	$(PYTHON) -m pytest tests/test_golden.py tests/test_documents.py tests/test_validate_values.py --update-golden

bench: venv  ## whole-process times: medians, and ratios to helm and a bare interpreter in the same run
	$(PYTHON) tests/bench.py

cluster: venv  ## a one-node Kubernetes in a network namespace of its own; WITH=lws,dra adds controllers to it
	$(PYTHON) -m tests.cluster.bench up --with "$(WITH)"

cluster-down: venv
	$(PYTHON) -m tests.cluster.bench down

cluster-clean: venv
	$(PYTHON) -m tests.cluster.bench clean

# Real pods on a machine that others use as well: what fails runs once more, and what fails twice fails.
cluster-test: venv  ## the tests on that cluster, or on the one of KUBECONFIG with NIMHELM_CLUSTER=external
	$(PYTHON) -m pytest tests/cluster -m "not heavy" || $(PYTHON) -m pytest tests/cluster -m "not heavy" --last-failed

# What CI runs of them: installs, order, upgrades, rollbacks and helm test, without controllers that must be built first.
CORE = $(addprefix tests/cluster/test_,bench.py quickstart.py install.py order.py upgrade_order.py helm_test.py adopt.py values.py)
cluster-core: venv  ## the tests that CI runs on that cluster
	$(PYTHON) -m pytest $(CORE) || $(PYTHON) -m pytest $(CORE) --last-failed

# And these, with controllers that are built from their modules the first time.
CONTROLLERS = $(addprefix tests/cluster/test_,dra.py multi_node.py adopt_group.py metrics.py picker.py kueue.py)
cluster-controllers: venv  ## the tests with the controllers that CI builds: device claims, LeaderWorkerSet, metrics, endpoint picker, Kueue
	$(PYTHON) -m pytest $(CONTROLLERS) || $(PYTHON) -m pytest $(CONTROLLERS) --last-failed

cluster-test-all: venv  ## the same, and those with controllers that take long to build: gateway, prometheus, KServe
	$(PYTHON) -m pytest tests/cluster || $(PYTHON) -m pytest tests/cluster --last-failed
