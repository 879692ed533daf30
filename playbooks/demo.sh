#!/bin/sh
# What the collection does, on the lab: a fleet from one playbook, its picture, and a second run that changes nothing.
set -eu

cd "$(dirname "$0")/.."
. .lab/env
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_PIPELINING=true

say() { printf '\n\033[1m== %s\033[0m\n' "$1"; }

say "One playbook provisions the fleet"
ansible-playbook playbooks/site.yml

say "The inventory sees it"
ansible-inventory -i playbooks/fleet.containers.yml --graph

say "The same playbook again: changed=0"
second=$(mktemp)
trap 'rm -f "$second"' EXIT
ansible-playbook playbooks/site.yml | tee "$second"
if grep -Eq 'changed=[1-9]' "$second"; then
    echo "The second run changed something, and should not have." >&2
    exit 1
fi

say "Done. '. .lab/env' and 'ansible-playbook playbooks/teardown.yml' remove the fleet, 'make lab-down' the daemons."
