import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).parent.parent

# A process that runs one child, as __main__ runs Axolotl's.
RUN = """
import sys
from pathlib import Path
from axolotl_job.folder import JobFolder
from axolotl_job.launch import Processes, environment
folder = JobFolder(Path(sys.argv[1]))
sys.exit(Processes(folder, environment(folder, None)).run([sys.executable, "-c", sys.argv[2]]))
"""


class Launch(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = Path(temporary.name)
        self.work = self.root / "out/work"
        self.work.mkdir(parents=True)

    def start(self, child):
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", RUN, str(self.root), textwrap.dedent(child)]
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process

    def stop(self, process):
        self.assertEqual(process.stdout.readline(), "up\n")
        process.send_signal(signal.SIGTERM)
        return process.wait(50)

    def test_hands_on_how_a_command_ends(self):
        self.assertEqual(self.start("import sys; sys.exit(7)").wait(50), 7)

    def test_a_child_sees_no_hub_and_writes_its_caches_into_the_job(self):
        process = self.start("import os; print(os.environ['HF_HUB_OFFLINE'], os.environ['HF_HOME'])")
        self.assertEqual(process.communicate(timeout=50)[0], f"1 {self.work}/huggingface\n")

    def test_told_to_stop_before_training_ends_the_command_even_where_it_ignores_that(self):
        process = self.start(
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
        )
        begun = time.monotonic()
        self.assertEqual(self.stop(process), 143)
        self.assertLess(time.monotonic() - begun, 30)

    def test_told_to_stop_in_training_waits_for_the_checkpoint(self):
        process = self.start(
            f"""
            import time
            from pathlib import Path
            work = Path({str(self.work)!r})
            (work / "training").touch()
            print("up", flush=True)
            while not (work / "stop").exists():
                time.sleep(0.05)
            time.sleep(0.5)
            (work / "stopped").touch()
            raise SystemExit(1)  # what accelerate makes of it
            """
        )
        self.assertEqual(self.stop(process), 143)
        self.assertTrue((self.work / "stopped").exists())

    def test_a_training_that_was_over_before_it_saw_the_stop_is_done(self):
        process = self.start(
            f"""
            import time
            from pathlib import Path
            work = Path({str(self.work)!r})
            (work / "training").touch()
            print("up", flush=True)
            while not (work / "stop").exists():
                time.sleep(0.05)
            """
        )
        self.assertEqual(self.stop(process), 0)


if __name__ == "__main__":
    unittest.main()
