/**
 * The order in which files of tests begin: by what they took when they were last weighed, the slowest first, so that none of those begins as all else ends. Left
 * alone, vitest begins with the largest texts on a machine where it has not run yet.
 */
import { readFileSync, statSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestSequencer, TestSpecification } from 'vitest/node';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Seconds by path, of files that take some (`npm test -- --weigh` and `npm run test:guests -- --weigh` write them). */
export const weights = JSON.parse(readFileSync(new URL('weights.json', import.meta.url), 'utf8')) as Record<
  string,
  number
>;

export class HeaviestFirst implements TestSequencer {
  async shard(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files;
  }

  /** Projects run one after another; of files without a weight the larger one comes first. */
  async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files
      .map(spec => ({
        spec,
        project: spec.project.name,
        seconds: weights[relative(root, spec.moduleId)] ?? 0,
        bytes: statSync(spec.moduleId).size,
      }))
      .sort(
        (one, other) =>
          (one.project < other.project ? -1 : one.project > other.project ? 1 : 0) ||
          other.seconds - one.seconds ||
          other.bytes - one.bytes,
      )
      .map(({ spec }) => spec);
  }
}
