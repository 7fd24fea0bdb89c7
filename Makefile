# The project's commands. `make run` and `make test` need Python 3.11+ and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHELL_SCRIPTS := .ci/run scripts/* ansible/files/*.sh tests/lab/images/vps-entry.sh
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --annotation-style line

PLAY := ANSIBLE_CONFIG=ansible/ansible.cfg $(BIN)/ansible-playbook
# What was given on make's command line: some shells export HOST and USERNAME of their own.
given = $(if $(filter command,$(origin $(1))),$($(1)))
# Left out, they come from HETZNER_HOST and HETZNER_USERNAME.
REMOTE = $(if $(call given,HOST),--host "$(HOST)") $(if $(call given,USERNAME),--username $(USERNAME)) $(if $(SUMMARY),--summary $(SUMMARY))

OPERATE = $(if $(call given,DOMAIN),--domain $(DOMAIN)) $(if $(call given,HOST),--host "$(HOST)") $(if $(call given,USERNAME),--username $(USERNAME))

.PHONY: help run test client api-docs late-log-test nats-test browser-test loadtest-test handover-test node-modules images stack-test deploy-test deploy-test-all up down logs launch create provision deploy rollback status watch hold unhold smoke doctor lint format bench bench-cluster bench-stack bench-handover attack attack-test loadtest dashboard lock digests clean
.DEFAULT_GOAL := help

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/relay.lock ## start the relay on http://localhost:8080 (settings are environment variables)
	@exec $(BIN)/python -m relay

test: node-modules ## run the tests
	$(BIN)/python -m pytest tests/shape tests/relay tests/infra tests/bench tests/wsload --ignore-glob='*/long'

api-docs: $(VENV)/dev.lock ## write the page /docs from openapi.yaml
	@$(BIN)/python docs/api/write_page.py

late-log-test: node-modules ## test the relay with a room log that answers late
	RELAY_MODULE=tests.relay.late_relay $(BIN)/python -m pytest tests/relay/sockets

handover-test: $(VENV)/dev.lock ## test handovers in a row with 200 clients, and with the load tester
	$(BIN)/python -m pytest tests/relay/long --numprocesses=2

client: node-modules ## build the JavaScript client (module, script, types) from its sources
	@node tests/browser/build.mjs
	@rm -rf relay/static/types
	@node tests/browser/node_modules/typescript/bin/tsc --project tests/browser/tsconfig.types.json

node-modules: $(VENV)/dev.lock ## install the npm packages that the tests need, if there is npm
	@$(BIN)/python -m tests.npm

images: $(VENV)/ops.lock ## prepare what the stack and server tests need: Docker engine, images, registry
	@$(BIN)/python -m tests.lab.prepare

nats-test: $(VENV)/ops.lock ## test several relays that share rooms through NATS (needs nats-server; about two minutes)
	$(BIN)/python -m pytest tests/nats --numprocesses=2
	NATS_SERVER=$(BIN)/nats-server $(BIN)/python -m pytest tests/nats/test_contract.py tests/nats/test_order.py tests/nats/test_rare.py tests/nats/test_three_servers.py --numprocesses=2

browser-test: node-modules ## test the pages, both clients and the examples (chromium, firefox, node, npm, pulseaudio)
	$(BIN)/python -m pytest tests/browser tests/clients tests/examples --numprocesses=2

loadtest-test: $(VENV)/dev.lock ## test the load tester in full: every fault, several processes, the highest rate (minutes)
	$(BIN)/python -m pytest tests/wsload/long --numprocesses=2

stack-test: images node-modules ## test the stack: Docker, Caddy, certificates (about five minutes)
	$(BIN)/python -m pytest tests/stack

deploy-test: images ## test provisioning, deploys and bad releases on servers in containers (about 13 minutes)
	$(BIN)/python -m pytest tests/deploy -m "not long" --numprocesses=2 --no-loadscope-reorder

deploy-test-all: images ## the same, with full provisioning, launches and workflows (about half an hour)
	$(BIN)/python -m pytest tests/deploy --numprocesses=2 --no-loadscope-reorder

up: ## start relay and Caddy in Docker, on https://localhost or RELAY_DOMAIN (settings are in .env)
	@scripts/up

down: ## stop them; certificates are kept
	@docker compose stop relay # first: its members are told, which they cannot be once Caddy is gone
	@docker compose --profile load down

logs: ## follow their logs; on a server: make logs HOST=203.0.113.7 [SERVICE=relay]
	@$(if $(call given,HOST),ssh $(or $(call given,USERNAME),deploy)@$(HOST) /opt/relay/compose,docker compose --profile load) logs --follow --tail 100 $(SERVICE)

launch: $(VENV)/ansible.lock $(VENV)/deploy.lock ## create, set up and deploy a server: make launch DOMAIN=relay.example.org [HOST=your own Debian 13]
	@$(BIN)/python -m infra.launch "$(DOMAIN)" $(if $(call given,HOST),--host $(HOST)) $(if $(call given,USERNAME),--username $(USERNAME)) $(if $(WAIT),--wait $(WAIT)) $(if $(ARGS),--arguments '$(ARGS)')

create: $(VENV)/ansible.lock ## create a server at Hetzner Cloud (HCLOUD_TOKEN in the environment; ARGS="-e create_locations=hel1")
	@$(PLAY) ansible/create.yml $(ARGS)

provision: $(VENV)/ansible.lock ## set up a Debian 13 server for the relay: make provision HOST=203.0.113.7 [USERNAME=root] [ARGS=--check], or several: INVENTORY=file
	@$(if $(call given,HOST),HETZNER_HOST="$(HOST)") $(if $(call given,USERNAME),HETZNER_USERNAME="$(USERNAME)") \
	  $(if $(HETZNER_SSH_KEY),ANSIBLE_SSH_AGENT=auto) $(PLAY) ansible/provision.yml $(if $(call given,INVENTORY),-i "$(INVENTORY)") $(if $(TAGS),--tags $(TAGS)) $(ARGS)

lint: $(VENV)/ops.lock ## check style, types, and the files for Docker, servers and workflows
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile.relay loadtest/Dockerfile tests/lab/images/*.Dockerfile
	$(BIN)/shellcheck $(SHELL_SCRIPTS)
	$(BIN)/actionlint
	$(BIN)/zizmor --quiet --offline --no-progress .github
	@$(BIN)/python -m tests.audit
	$(BIN)/yamllint --strict .
	PATH="$(CURDIR)/$(BIN):$$PATH" ansible-lint -qq --offline ansible
	@for file in Caddyfile.docker Caddyfile.developer; do \
	  $(BIN)/caddy fmt --diff $$file >/dev/null || { echo "$$file: run make format" >&2; exit 1; }; done

format: $(VENV)/ops.lock ## rewrite the sources in the project's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	-$(BIN)/caddy fmt --overwrite Caddyfile.docker
	-$(BIN)/caddy fmt --overwrite Caddyfile.developer

bench: $(VENV)/dev.lock ## measure the relay against the stock aiohttp loop, or another checkout (two cores, about four minutes; ARGS="--against ../other")
	$(BIN)/python -m bench $(ARGS)

bench-cluster: $(VENV)/dev.lock ## measure the log over NATS against the memory log, and several relays (nats-server; two cores, eight minutes)
	$(BIN)/python -m bench.cluster $(ARGS)

bench-stack: $(VENV)/dev.lock ## measure what Caddy and TLS cost, on the running stack (two minutes)
	$(BIN)/python -m bench.through_caddy

attack: $(VENV)/dev.lock ## attack the relay, each attack five times as long, with ten minutes of random bytes and of churn (root; half an hour)
	ATTACK=long $(BIN)/python -m pytest tests/attack --numprocesses=0 -s

attack-test: $(VENV)/dev.lock ## attack the relay with a memory limit of 512 MB (root; three minutes)
	$(BIN)/python -m pytest tests/attack -m "not long" --numprocesses=0 -s -q

bench-handover: $(VENV)/dev.lock ## measure handovers of 200 and 10,000 members (a minute)
	$(BIN)/python -m bench.handover --members 200 --handovers 10
	$(BIN)/python -m bench.handover --members 10000 --handovers 3

loadtest: $(VENV)/load.lock ## put load on a relay: make loadtest ARGS="--clients 50 --duration 10"
	$(BIN)/python -m loadtest $(ARGS)

dashboard: $(VENV)/load.lock ## draw all results in reports/ over time, into dist/dashboard/
	$(BIN)/python -m loadtest.dashboard reports --output dist/dashboard

lock: $(VENV)/dev.lock ## resolve the dependencies again and lock them in requirements/
	$(BIN)/$(LOCK) pyproject.toml --output-file requirements/relay.txt
	$(BIN)/$(LOCK) pyproject.toml --group test --group load --constraint requirements/relay.txt --output-file requirements/dev.txt
	$(BIN)/$(LOCK) pyproject.toml --group test --group load --group deploy --group ansible --group ops --constraint requirements/dev.txt --output-file requirements/ops.txt
	$(BIN)/$(LOCK) pyproject.toml --group load --constraint requirements/dev.txt --output-file requirements/load.txt
	$(BIN)/$(LOCK) pyproject.toml --group deploy --constraint requirements/ops.txt --output-file requirements/deploy.txt
	$(BIN)/$(LOCK) --group ansible --constraint requirements/ops.txt --output-file requirements/ansible.txt

digests: ## pin the images of Dockerfiles and compose files to what their tags mean today (needs Docker, and a registry)
	@scripts/pin-images Dockerfile.relay loadtest/Dockerfile docker-compose.yml docker-compose.cluster.yml

smoke: $(VENV)/deploy.lock ## check that a server answers and relays a message: make smoke HOST=203.0.113.7 [COMMIT=…]
	@$(BIN)/python -m infra.watch.smoke $(if $(call given,HOST),--host "$(HOST)") $(if $(SUMMARY),--summary $(SUMMARY)) $(if $(COMMIT),--commit $(COMMIT))

doctor: $(VENV)/relay.lock ## check settings against the machine, here or in the relay on HOST=203.0.113.7 [USERNAME=deploy]
	@$(if $(call given,HOST),ssh $(or $(call given,USERNAME),deploy)@$(HOST) /opt/relay/compose exec -T relay /venv/bin/python -m relay doctor,$(BIN)/python -m relay doctor)

status: $(VENV)/deploy.lock ## show the state of a server: make status DOMAIN=relay.example.org, or HOST=203.0.113.7
	@$(BIN)/python -m infra.operate status $(OPERATE)

watch: $(VENV)/deploy.lock ## check a server: a message, certificate, disk space, restarts in HOURS=24; fails with a sentence
	@$(BIN)/python -m infra.operate watch $(OPERATE) $(if $(HOURS),--hours $(HOURS))

hold: $(VENV)/deploy.lock ## refuse deploys for now: make hold HOST=203.0.113.7 [REASON="the launch"]
	@$(BIN)/python -m infra.operate hold $(OPERATE) $(if $(REASON),-- "$(REASON)")

unhold: $(VENV)/deploy.lock ## allow deploys again
	@$(BIN)/python -m infra.operate unhold $(OPERATE)

deploy: $(VENV)/deploy.lock ## deploy this checkout to a server, or to several in turn: make deploy HOST=203.0.113.7[,…] [USERNAME=deploy] [FORCE=1]
	@$(BIN)/python -m infra deploy $(REMOTE) $(if $(FORCE),--force)

# The release is typed into a form on GitHub: the shell takes it from the environment, as one word.
rollback: $(VENV)/deploy.lock ## go back to an earlier release: make rollback HOST=203.0.113.7 [RELEASE=name]
	@$(BIN)/python -m infra rollback $(REMOTE) $${RELEASE:+-- "$$RELEASE"}

clean: ## remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis tests/relay/sockets/node/node_modules tests/browser/node_modules

# The Ansible that is locked does not run on a later one.
.PHONY: python-for-ansible
python-for-ansible: | $(BIN)/python
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 14))' || { \
	  echo "the playbooks need Python 3.11 to 3.13, and $(VENV) has a later one: make clean, and name another, as in make launch PYTHON=python3.13" >&2; exit 2; }
$(VENV)/ansible.lock $(VENV)/ops.lock: | python-for-ansible

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "relay needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1): name another, as in make run PYTHON=python3.13" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) could not make a virtual environment: on Debian and Ubuntu, apt-get install python3-venv" >&2; rm -rf $(VENV); exit 2; }

# Each stamp is a copy of the lock file it installed: a changed lock installs again.
$(VENV)/%.lock: requirements/%.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@cp $< $@
