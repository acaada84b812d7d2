# `make demo` and `make test` set up what they need (see .ci/setup) and then run it.
# ARGS goes to the program: make demo ARGS=--keep, make test ARGS='tests/git -k snapshot'.

# A make that the demo or a test runs must not take itself for a part of this one.
RUN = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL .venv/bin/python -m

help:
	@echo 'make demo   the program at work on a small C project, in a temporary folder'
	@echo 'make test   the tests, each with at most SAMPLE (4) sets of parameters'
	@echo 'make test-all   the tests with all parameters, as in CI'
	@echo 'make lint   style, shell scripts, spelling and types'
	@echo 'make reference   the reference pages and the man page, from the code'
	@echo 'make recording   docs/recording.svg, from a real run'
	@echo 'make docs   the site of the documents, in build/site'
	@echo 'make release VERSION=1.2.3   a tag and what is to be uploaded; see CONTRIBUTING.md'
	@echo 'make clean  removes what the above left in this folder'

demo:
	@.ci/setup demo
	@$(RUN) ckpt_git demo $(ARGS)

# Two files at a time; ARGS='-n 0' is for one who debugs.
SAMPLE = 4
test:
	@.ci/setup test
	@$(RUN) pytest -n 2 --dist loadfile --sample $(SAMPLE) $(ARGS)

test-all:
	@.ci/setup test
	@$(RUN) pytest -n 2 --dist loadfile $(ARGS)

lint:
	@.ci/setup test
	@.ci/lint

reference:
	@.ci/setup test
	@$(RUN) tools.reference

recording:
	@.ci/setup test
	@$(RUN) tools.recording

docs:
	@.ci/setup docs
	@$(RUN) mkdocs build --quiet --strict

release:
	@.ci/setup test
	@$(RUN) tools.release $(VERSION)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

.PHONY: help demo test test-all lint reference recording docs release clean
