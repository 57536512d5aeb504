/** Where a host's processor may differ from ours without either being wrong, each with its source. Everything else that differs is a fault of ours. */
import type { Decoded } from '../../../cpu/table/index.ts';
import type { Ending, Setting } from '../../oracle/machine.ts';
import type { NativeEnd } from './cases.ts';
import type { Host } from './host.ts';

export interface Compared {
  host: Host;
  setting: Setting;
  decoded: Decoded;
  native: NativeEnd | undefined;
  ours: Ending;
}

/** What is left out of the comparison. */
export interface Known {
  why: string;
  what: 'all' | 'flags' | 'status' | 'close' | 'error' | 'memory' | 'register' | 'bytes';
  mask?: number;
  from?: number;
  to?: number;
}

interface Difference extends Known {
  applies(compared: Compared): boolean;
}

const PAGE_FAULT = 14;

const ops = (names: string) => {
  const set = new Set(names.split(' '));
  return ({ decoded }: Compared) => decoded.row !== null && set.has(decoded.row.op);
};

const DIFFERENCES: readonly Difference[] = [
  { why: 'time, serial numbers and features are the host\'s own', what: 'all', applies: ops('rdtsc rdtscp rdpid cpuid rdpmc') },
  { why: 'the kernel\'s tables, or under UMIP what it says instead of them', what: 'all', applies: ops('sgdt sidt sldt str smsw') },
  { why: 'a system call ends the case on the host', what: 'all', applies: ops('sysenter') },
  { why: 'our descriptor tables lie below 64 KiB, where a program of the host has nothing: the error code says present', what: 'error', applies: ({ native }) => native?.vector === PAGE_FAULT && native.cr2 < 0x10000 },
  { why: 'approximations of 12 bits (SDM vol. 2, RCPPS, RSQRTPS: relative error up to 1.5 * 2^-12)', what: 'close', applies: ops('rcpps rcpss rsqrtps rsqrtss') },
];

export function differencesOf(compared: Compared): readonly Known[] {
  return DIFFERENCES.filter(difference => difference.applies(compared));
}
