"""What the container, the runner and `.venv/bin/python entrypoint.py` start."""

from aks_action.main import entry

if __name__ == "__main__":
    entry()
