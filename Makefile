# make run    the portal with demonstration data at http://localhost:8000 (PORT changes it)
# make test   every test, on SQLite and on PostgreSQL, and in Chromium
# make check  formatting, lint, types, migrations, import floors, production checks
# make format, make lock, make messages

PYTHON ?= python3
PY := .venv/bin/python

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_ROOT_USER_ACTION := ignore

# Named after the lock's content: a changed lock is installed once, an unchanged one never.
RUN_LOCK := .venv/installed-run-$(shell cksum < requirements.lock | tr ' ' '-')
DEV_LOCK := .venv/installed-dev-$(shell cksum < requirements-dev.lock | tr ' ' '-')
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po))

.PHONY: run test check format lock messages

run: $(RUN_LOCK) $(CATALOGUES)
	@$(PY) -m medimic.keys .env
	@$(PY) manage.py prepare
	@$(PY) manage.py demo
	@exec $(PY) manage.py serve

test: $(DEV_LOCK) $(CATALOGUES)
	@$(PY) -m tests.run

check: $(DEV_LOCK)
	$(PY) -m ruff format --check --quiet .
	$(PY) -m ruff check --quiet .
	$(PY) -m mypy
	DJANGO_SETTINGS_MODULE=tests.settings $(PY) manage.py makemigrations --check --dry-run --verbosity 1
	.venv/bin/lint-imports --no-cache --no-logo
	$(PY) -m tests.production $(PY) manage.py check --deploy --fail-level WARNING

format: $(DEV_LOCK)
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format --quiet .

# Takes the newest versions that pyproject.toml allows.
LOCKING := piptools compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe \
	--no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host
lock: $(DEV_LOCK)
	@$(PY) -m $(LOCKING) --output-file requirements.lock pyproject.toml
	@$(PY) -m $(LOCKING) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

# Ends the same with and without the venv module's own copy of pip.
INSTALL = @echo "Installing the dependencies of $(1)"; \
	if $(PY) -m pip --version >/dev/null 2>&1; then pip="$(PY) -m pip"; \
	else pip="$(PYTHON) -m pip --python $(PY)"; fi; \
	$$pip install --quiet --quiet --require-hashes --requirement $(1)

$(RUN_LOCK): | $(PY)
	$(call INSTALL,requirements.lock)
	@rm -f .venv/installed-run-*; touch $@

$(DEV_LOCK): | $(PY)
	$(call INSTALL,requirements-dev.lock)
	@rm -f .venv/installed-dev-*; touch $@

$(PY):
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; PYTHON=… names it.")'
	@rm -rf .venv
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || $(PYTHON) -m venv --clear --without-pip .venv

# Takes the strings of the source into locale/. Needs gettext (apt: gettext), as nothing else here does.
# No date and no line numbers: a catalogue changes when its words do.
messages: $(DEV_LOCK)
	@DJANGO_SETTINGS_MODULE=tests.settings $(PY) manage.py makemessages --locale pl --locale de \
		--ignore tests --ignore node_modules --no-wrap --no-obsolete --add-location file --verbosity 0
	@sed -i.bak -e '/^"POT-Creation-Date:/d' -e '/^"Report-Msgid-Bugs-To:/d' locale/*/LC_MESSAGES/django.po
	@rm -f locale/*/LC_MESSAGES/django.po.bak

%.mo: %.po | $(PY)
	@$(PY) -m babel.messages.frontend --quiet compile --input-file $< --output-file $@
