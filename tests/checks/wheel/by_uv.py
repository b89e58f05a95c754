"""What uv makes of the wheel, for one Python: `by_uv.py DIRECTORY-OF-UV WHEEL PYTHON`. Installs it into a fresh environment,
offline, and has a program exchange without the library and with it, in each way that there is. Prints nothing if all is well."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "programs/exchanges.py"
uv, wheel, python = Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def called(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}")
    return done.stdout


def exchange(wanted, *command):
    answer = called(*command, "client", port, "twice", input="15\n", env=environment)
    median = float(answer.split()[-1])
    if (median > 20) != (wanted == "stall"):
        sys.exit(f"{' '.join(map(str, command))}: {median} ms, no {wanted}")


with tempfile.TemporaryDirectory() as directory:
    work = Path(directory)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TCPTUNE", "LD_", "UV_", "PYTHON"))}
    environment.update(UV_CACHE_DIR=str(work / "cache"), UV_OFFLINE="1", UV_NO_CONFIG="1", UV_PYTHON_DOWNLOADS="never")
    environment.update(UV_TOOL_DIR=str(work / "tools"), UV_TOOL_BIN_DIR=str(work / "bin"))
    called(uv / "uv", "venv", "--python", python, work / "venv", env=environment)
    bin = work / "venv/bin"
    called(uv / "uv", "pip", "install", "--python", bin / "python3", wheel, env=environment)
    asking = work / "asking.py"
    asking.write_text("import tcptune\nassert tcptune.reexec() is True\n" + PROGRAM.read_text())
    server = subprocess.Popen([python, PROGRAM, "server", "once"], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        port = server.stdout.readline().strip()
        exchange("stall", bin / "python3", PROGRAM)
        exchange("quick", bin / "tcptune", "run", "--", bin / "python3", PROGRAM)
        exchange("quick", bin / "python3", "-m", "tcptune", "run", "--", bin / "python3", PROGRAM)
        exchange("quick", bin / "python3", asking)
        exchange("quick", uv / "uvx", "--python", python, "--from", wheel, "tcptune", "run", "--", python, PROGRAM)
        called(uv / "uv", "tool", "install", "--python", python, wheel, env=environment)
        exchange("quick", work / "bin/tcptune", "run", "--", python, PROGRAM)
        called(uv / "uv", "pip", "uninstall", "--python", bin / "python3", "tcptune", env=environment)
        exchange("stall", bin / "python3", PROGRAM)
        left = [str(path) for path in (work / "venv").rglob("*tcptune*")]
        if left:
            sys.exit(f"left behind: {left}")
    finally:
        server.kill()
        server.wait()
