import unittest

try:
    from axolotl_job.yaml12 import load
except ModuleNotFoundError as error:  # a Python without PyYAML
    raise unittest.SkipTest(str(error)) from error


class Yaml12(unittest.TestCase):
    def test_reads_what_a_yaml_1_2_writer_meant(self):
        text = "a: no\nb: on\nc: 12:30:00\nd: 1e-7\ne: 0.0002\nf: 2026-01-01\ng: true\nh: null\ni: 010\nj: 0x1F\nk:\nl: 1_000\nm: .5\n"
        self.assertEqual(
            load(text),
            {
                "a": "no", "b": "on", "c": "12:30:00", "d": 1e-7, "e": 0.0002, "f": "2026-01-01", "g": True, "h": None,
                "i": 10, "j": 31, "k": None, "l": "1_000", "m": 0.5,
            },
        )  # fmt: skip

    def test_refuses_aliases_and_broken_text(self):
        for text in ("a: &x [1]\nb: *x\n", "a: [1"):
            with self.assertRaises(ValueError):
                load(text)


if __name__ == "__main__":
    unittest.main()
