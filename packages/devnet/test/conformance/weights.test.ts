import { conformance } from './conformance.ts';
import { weightsHashed } from './scenarios/weights-hashed.ts';
import { weightsHashedRefused } from './scenarios/weights-hashed-refused.ts';
import { weightsMechanisms } from './scenarios/weights-mechanisms.ts';
import { weightsBatched, weightsRefused, weightsStored } from './scenarios/weights-set.ts';
import { weightsTimelocked } from './scenarios/weights-timelocked.ts';
import { weightsTimelockedHotkey } from './scenarios/weights-timelocked-hotkey.ts';

conformance(
  weightsRefused,
  weightsStored,
  weightsBatched,
  weightsHashed,
  weightsHashedRefused,
  weightsTimelocked,
  weightsTimelockedHotkey,
  weightsMechanisms,
);
