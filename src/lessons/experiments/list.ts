/** The experiments: one file each, and one line here. */
import type { Experiment } from './form.ts';
import { answered } from './answered.ts';
import { balancing } from './balancing.ts';
import { ballooning } from './ballooning.ts';
import { boost } from './boost.ts';
import { consolidation } from './consolidation.ts';
import { drivers } from './drivers.ts';
import { isolation } from './isolation.ts';
import { layers } from './layers.ts';
import { migration } from './migration.ts';
import { paravirtualOrFull } from './paravirtual-or-full.ts';
import { recovery } from './recovery.ts';
import { weightAndCap } from './weight-and-cap.ts';

export const EXPERIMENTS: readonly Experiment[] = [
  paravirtualOrFull,
  drivers,
  layers,
  consolidation,
  isolation,
  migration,
  balancing,
  recovery,
  answered,
  weightAndCap,
  boost,
  ballooning,
];
