#!/usr/bin/env node
import { launch } from '../../../neurons/launch.js';

await launch('runTuningCommand');
