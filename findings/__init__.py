"""The paper of docs/findings.md, made from a store: `make findings`."""
