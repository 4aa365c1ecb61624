"""A simulation runs in a notebook's cell, inside the loop that the kernel is running."""

from __future__ import annotations

import nbclient
import nbformat

from tests.conftest import ROOT

CELL = """
from pms_lab.live.flow import LiveFlow
from pms_lab.sim.driver import Sim

async def numbers(flow, closed):
    try:
        while True:
            await flow.sleep(1)
            yield 1
    finally:
        await flow.sleep(1)
        closed.append(flow.monotonic_s())

async def main(flow):
    closed = []
    async for _ in numbers(flow, closed):
        break
    await flow.sleep(9)
    return closed, flow.monotonic_s()

async def stray(reached):
    import asyncio
    await asyncio.to_thread(reached.append, "a thread")

with Sim() as sim:
    node = sim.node("app")
    print(node.run(main(node.flow)))
    reached = []
    try:
        node.run(stray(reached))
    except RuntimeError as error:
        print(error, reached)
"""
LIVE = """
flow = LiveFlow()
print(await flow.together(flow.sleep(0), flow.sleep(0.01)))
"""


def test_cells_run_the_simulation_and_live_code_alike() -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in (CELL, LIVE, CELL)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT)}}).execute()
    said = ["".join(output["text"] for output in cell.outputs) for cell in notebook.cells]
    assert said == [
        "([2.0], 10.0)\nno running event loop []\n",
        "[None, None]\n",
        "([2.0], 10.0)\nno running event loop []\n",
    ]
