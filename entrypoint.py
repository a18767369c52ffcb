"""What the container, the runner and `.venv/bin/python entrypoint.py` start."""

from aks_action.main import main

if __name__ == "__main__":
    raise SystemExit(main())
