#!/bin/sh
# What the collection does, on the lab: a fleet from one playbook, its picture, a bundle of services, and second runs that change
# nothing.
set -eu

cd "$(dirname "$0")/.."
. .lab/env
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_PIPELINING=true

say() { printf '\n\033[1m== %s\033[0m\n' "$1"; }

say "One playbook provisions the fleet"
ansible-playbook playbooks/site.yml

say "The inventory sees it"
ansible-inventory -i playbooks/fleet.containers.yml --graph

# Run it again, and see that it changes nothing.
again() {
    ansible-playbook "$@" | tee "$second"
    if grep -Eq 'changed=[1-9]' "$second"; then
        echo "The second run changed something, and should not have." >&2
        exit 1
    fi
}
second=$(mktemp)
trap 'rm -f "$second"' EXIT

say "The same playbook again: changed=0"
again playbooks/site.yml

# Not on the daemons that the tests use.
set -- playbooks/deploy.yml -e model=web -e remotes=lxd-b -e bundle=playbooks/bundles/web.yml \
    -e '{"overlays": ["playbooks/bundles/web-demo.yml"]}'

say "A bundle: a page and an API on Node.js behind a proxy, with PostgreSQL"
ansible-playbook "$@"

say "How it is, and its picture, in $PWD/.lab/web.html"
ansible-playbook playbooks/status.yml -e model=web -e remotes=lxd-b
ansible-playbook playbooks/status.yml -e model=web -e remotes=lxd-b -e format=html -e output=.lab/web.html

say "Its page, and an answer of the API that comes from the database"
ansible-playbook playbooks/demo-web.yml

say "The same bundle again: changed=0"
again "$@"

say "Done. .lab/web.html has the picture of the services. After '. .lab/env', 'ansible-playbook playbooks/teardown.yml' removes the fleet, 'ansible-playbook playbooks/destroy.yml -e
model=web -e remotes=lxd-b' the services; 'make lab-down', the daemons."
