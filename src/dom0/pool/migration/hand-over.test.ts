import { describe } from 'vitest';
import { behindHandOver } from './hand-over.test-support.ts';

// With etcd: test/etcd-leases.test.ts.
describe('a guest that has just been handed over by the coordinator', () => behindHandOver());
