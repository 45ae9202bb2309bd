"""`python -m mesh` is the command `linker`."""

from mesh.cli import main

if __name__ == "__main__":
    main(prog_name="linker")
