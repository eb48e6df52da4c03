import json
import tempfile
import unittest
from pathlib import Path

from axolotl_job.curve import CurveLog, point_of, points_of_history


def logs(loss, **more):
    return {"loss": loss, "learning_rate": 1e-4, "epoch": 0.5, "tokens/trainable": 70, **more}


class Points(unittest.TestCase):
    def test_of_a_step(self):
        self.assertEqual(
            point_of(logs(2.5, grad_norm=1.0), 3, 0.4, 99),
            {"step": 3, "epoch": 0.5, "loss": 2.5, "lr": 1e-4, "tokens": 70, "ts": 99},
        )
        self.assertEqual(point_of({"loss": "2.5"}, 3, None, 9)["loss"], 2.5)

    def test_not_of_anything_else(self):
        for other in ({"eval_loss": 1.0}, {"train_loss": 1.0, "train_runtime": 2.0}, logs(float("nan")), logs("inf"), {}):
            self.assertIsNone(point_of(other, 3, None, 9))

    def test_of_a_trainer_state(self):
        history = [logs(3.0, step=1), {"eval_loss": 2.0, "step": 1}, logs(2.0, step=2), {"train_loss": 2.5, "step": 2}]
        self.assertEqual([(p["step"], p["loss"]) for p in points_of_history(history, 5)], [(1, 3.0), (2, 2.0)])


class Log(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.file = Path(temporary.name) / "log.jsonl"

    def steps(self):
        return [json.loads(line)["step"] for line in self.file.read_text().splitlines()]

    def add(self, log, *steps):
        return [log.add(point_of(logs(float(step)), step, None, 1)) for step in steps]

    def test_is_there_line_by_line_while_training_goes_on(self):
        log = CurveLog(self.file)
        self.add(log, 1)
        self.assertEqual(self.steps(), [1])
        self.assertEqual(self.add(log, 1, 2), [False, True])
        log.close()
        self.assertEqual(self.steps(), [1, 2])

    def test_goes_on_from_a_checkpoint_without_a_double_or_lost_step(self):
        log = CurveLog(self.file)
        self.add(log, 1, 2, 3, 4, 5)
        log.close()
        with open(self.file, "a") as file:
            file.write('{"step":6,"lo')  # killed in the middle of a line
        log = CurveLog(self.file, 3, [logs(9.0, step=1)])
        self.assertEqual(self.steps(), [1, 2, 3])
        self.add(log, 4, 5, 6)
        log.close()
        self.assertEqual(self.steps(), [1, 2, 3, 4, 5, 6])
        self.assertEqual(json.loads(self.file.read_text().splitlines()[0])["loss"], 1.0)

    def test_is_made_again_from_the_checkpoint_where_it_is_gone(self):
        CurveLog(self.file, 2, [logs(3.0, step=1), logs(2.0, step=2), logs(1.0, step=3)]).close()
        self.assertEqual(self.steps(), [1, 2])

    def test_starts_over_without_one(self):
        log = CurveLog(self.file)
        self.add(log, 1, 2)
        log.close()
        CurveLog(self.file).close()
        self.assertEqual(self.steps(), [])


if __name__ == "__main__":
    unittest.main()
